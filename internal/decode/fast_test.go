package decode

import (
	"testing"

	"statsd-http-proxy/internal/metric"
)

var fastObjects = []string{
	`{"metric":"some.key","metric_type":"count","value":1,"tags":"env=prod,locale=en-us"}`,
	`{"metric": "k", "type":"count", "value": 1}`,
	`{"name":"k","type":"set","value":"alice"}`,
	`{"value":"","type":"timing","sampleRate":0.5,"metric":""}`,
	`{"metric":"k","metric_type":"gauge","value":"-5","tags":" a = b , c=d"}`,
	`{"metric":"k","type":"count","value":12345678,"sampleRate": 1}`,
	`{"metric":"k","type":"count","value":0,"tags":{"env": "prod", "a":"b"}}`,
	`{"tags":{"a":"b"},"value":"12345678901234567","name":"12345678","type":"distribution"}`,
}

// TestFastPathTakesTypicalObjects checks which objects take the fast path.
// FuzzFastObject checks that the result is the same as without it.
func TestFastPathTakesTypicalObjects(t *testing.T) {
	f := func(isFast bool, object string) {
		t.Helper()
		d, m := Decoder{scan: scanner{data: []byte(object + ",")}}, metric.Metric{}
		if got := d.fastObject(&m); got != isFast || isFast && d.scan.pos != len(object) || !isFast && d.scan.pos != 0 {
			t.Errorf("fastObject(%s) = %v, and the position is %d", object, got, d.scan.pos)
		}
	}
	for _, object := range fastObjects {
		f(true, object)
	}
	for _, object := range []string{
		`{`, `{}`, `{"`, `{"metric`, `{"metric"`, `{"metric":`, `{"metric":"k"`, `{"metric":"k",`, `{"metric":"k"}`, `{"metric":"k","type":"count"`, `{"metric":"k","type":"count",}`, `{"metric":"k","type":"count"]`,
		`{"metric":"k","type":"count","value":1 }`, `{"metric":  "k","type":"count"}`, `{"metric":"k","type":"count","value": `, `{"metric":"k", `, `{ "metric":"k","type":"count"}`, `{"metric" :"k","type":"count"}`, `{"metric":"k","type":"count","value":01}`, `{"metric":"k","type":"count","value":1.5}`,
		`{"metric":"k","type":"count","value":-1}`, `{"metric":"k","type":"count","value":1e3}`, `{"metric":"k","type":"count","value":null}`, `{"metric":"k","type":"count","value":true}`, `{"metric":5,"type":"count"}`,
		`{"metric":"k","type":"none"}`, `{"metric":"k","type":"count","more":1}`, `{"metric":"k","type":"count","name":"l"}`, `{"metric":"k","type":"count","tags":"a"}`, `{"metric":"k","type":"count","tags":{}}`, `{"metric":"k","type":"count","tags":{"a":""}}`, `{"metric":"k","type":"count","tags":{"":"a"}}`,
		`{"metric":"k","type":"count","tags":{"a":"b,c=d"}}`, `{"metric":"k","type":"count","tags":{"a,b":"c"}}`, `{"metric":"k","type":"count","tags":{"a=b":"c"}}`, `{"metric":"k","type":"count","tags":{"a ":"b"}}`, `{"metric":"k","type":"count","tags":{"a":1}}`, `{"metric":"k","type":"count","tags":{"a":null}}`,
		`{"metric":"k","type":"count","tags":{"a":"\u0062"}}`, `{"metric":"k","type":"count","tags":{"a":"ä"}}`, `{"metric":"k","type":"count","tags":{"a"`, `{"metric":"k","type":"count","tags":{"a":"b"`, `{"metric":"k","type":"count","tags":{"a":"b",}}`, `{"metric":"k","type":"count","tags":{"a":"b"},}`, `{"metric":"k","type":"count","tags":{"a":"b"]}`,
		`{"metric":"k","type":"count","time":1}`, `{"metric":"k","type":"gauge","shift":1}`, `{"metric":"k","type":"count","sampleRate":"0.5"}`, `{"metric":"k","type":"count","sampleRate":1e0}`, `{"metric":"k","type":"count","sampleRate":0.}`, `{"metric":"k","type":"count","sampleRate":.5}`, `{"metric":"k","type":"count","sampleRate":2}`, `{"metric":"k","type":"count","sampleRate":01}`,
		`{"metric":"k","type":"count","tags":1}`, `{"metric":"\u006b","type":"count"}`, `{"metric":"ä","type":"count"}`, "{\"metric\":\"\n\",\"type\":\"count\"}", `{"value":1}`,
	} {
		f(false, object)
	}
}
