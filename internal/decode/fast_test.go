package decode

import (
	"strconv"
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
		`{"metric":"k","type":"count","value":-1}`, `{"metric":"k","type":"count","value":1e3}`, `{"metric":"k","type":"count","value":}`, `{"value":,"metric":"k","type":"count"}`, `{"metric":"k","type":"count","value":null}`, `{"metric":"k","type":"count","value":true}`, `{"metric":5,"type":"count"}`,
		`{"metric":"k","type":"none"}`, `{"metric":"k","type":"count","more":1}`, `{"metric":"k","type":"count","name":"l"}`, `{"metric":"k","type":"count","tags":"a"}`, `{"metric":"k","type":"count","tags":{}}`, `{"metric":"k","type":"count","tags":{"a":""}}`, `{"metric":"k","type":"count","tags":{"":"a"}}`,
		`{"metric":"k","type":"count","tags":{"a":"b,c=d"}}`, `{"metric":"k","type":"count","tags":{"a,b":"c"}}`, `{"metric":"k","type":"count","tags":{"a=b":"c"}}`, `{"metric":"k","type":"count","tags":{"a ":"b"}}`, `{"metric":"k","type":"count","tags":{"a":1}}`, `{"metric":"k","type":"count","tags":{"a":null}}`,
		`{"metric":"k","type":"count","tags":{"a":"\u0062"}}`, `{"metric":"k","type":"count","tags":{"a":"ä"}}`, `{"metric":"k","type":"count","tags":{"a"`, `{"metric":"k","type":"count","tags":{"a":"b"`, `{"metric":"k","type":"count","tags":{"a":"b",}}`, `{"metric":"k","type":"count","tags":{"a":"b"},}`, `{"metric":"k","type":"count","tags":{"a":"b"]}`,
		`{"metric":"k","type":"count","time":1}`, `{"metric":"k","type":"gauge","shift":1}`, `{"metric":"k","type":"count","sampleRate":"0.5"}`, `{"metric":"k","type":"count","sampleRate":1e0}`, `{"metric":"k","type":"count","sampleRate":0.}`, `{"metric":"k","type":"count","sampleRate":.5}`, `{"metric":"k","type":"count","sampleRate":2}`, `{"metric":"k","type":"count","sampleRate":01}`,
		`{"metric":"k","type":"count","tags":1}`, `{"metric":"\u006b","type":"count"}`, `{"metric":"ä","type":"count"}`, "{\"metric\":\"\n\",\"type\":\"count\"}", `{"value":1}`,
	} {
		f(false, object)
	}
}

// TestFieldsTakesTypicalElements reads arrays in the form in which programs write them.
func TestFieldsTakesTypicalElements(t *testing.T) {
	const element = `{"metric":"k","type":"count","value":1}`
	f := func(array string, want ...int) {
		t.Helper()
		var d Decoder
		d.OpenBatch([]byte(array))
		for i, want := range append(want, 0) {
			f, length := d.Fields()
			if length != want || length > 0 && (f.Kind != metric.Count || string(f.Name) != "k" || string(f.Value.Text) != "1") {
				t.Errorf("%q: element %d has %d bytes, want %d", array, i, length, want)
			}
			d.Skip(length)
		}
	}
	for _, between := range []string{"", " ", "\n"} {
		before := "[" + between
		f(before+element+","+between+element+"]", len(before+element), len(before+element))
		f(before+element+","+between+element, len(before+element), len(before+element))
		f(before+element+","+between, len(before+element))
		f(before + "1," + element + "]")
	}
	f("["+element+","+element+",5,"+element+"]", 1+len(element), 1+len(element))
	f("["+element+" ,"+element+"]", 1+len(element))
	f("["+element+`,{"metric":"k"}]`, 1+len(element))
	f(" ["+element, 1+len(element))
	for _, array := range []string{"", "[", "[ ", "[]", "[\t" + element, "[  " + element, "[" + element[1:], "," + element, element} {
		f(array)
	}
}

// TestFastPathNeedsWholeObjects breaks objects off at each byte.
func TestFastPathNeedsWholeObjects(t *testing.T) {
	for _, object := range fastObjects {
		for end := range object {
			d, m := Decoder{scan: scanner{data: []byte(object[:end])}}, metric.Metric{}
			if d.fastObject(&m) || d.scan.pos != 0 {
				t.Errorf("fastObject(%s) takes the object to byte %d", object[:end], d.scan.pos)
			}
		}
	}
}

// TestWordsHoldTheirText compares the constants of the fast path with the text they stand for.
func TestWordsHoldTheirText(t *testing.T) {
	for text, got := range map[string]uint64{
		`"metric"`: memberMetric, `"metric_`: memberMetricType, `type":`: restOfMetricType, `"value":`: memberValue,
		`"sampleR`: memberSampleRate, `ate":`: restOfSampleRate, `"tags":`: memberTags, `"name":`: memberName, `"type":`: memberType,
		`count"`: kindCount, `gauge"`: kindGauge, `timing"`: kindTiming,
	} {
		if want := word([]byte(text), 0); got != want {
			t.Errorf("the word of %s is %#x, want %#x", text, got, want)
		}
	}
}

// TestFastPathComparesWholeNames changes each byte of the names that the fast path knows to
// all other bytes.
func TestFastPathComparesWholeNames(t *testing.T) {
	changed := func(text string, f func(changed string)) {
		for i := range len(text) {
			for b := range 256 {
				f(text[:i] + string([]byte{byte(b)}) + text[i+1:])
			}
		}
	}
	for member, want := range map[string]field{
		`"metric":`: fieldName, `"name":`: fieldName, `"metric_type":`: fieldKind, `"type":`: fieldKind,
		`"value":`: fieldValue, `"sampleRate":`: fieldRate, `"tags":`: fieldTags,
	} {
		changed(member, func(text string) {
			for _, after := range []string{"", `"12345678"}`} {
				wantEnd := 0
				if text == member {
					wantEnd = 1 + len(member)
				}
				if got, end := scanMember([]byte("{"+text+after), 1); end != wantEnd || end > 0 && got != want {
					t.Fatalf("scanMember(%q) returns %d and the end %d, want %d", text+after, got, end, wantEnd)
				}
			}
		})
	}
	for kind := metric.Count; kind <= metric.Distribution; kind++ {
		name := strconv.Quote(kind.String())
		changed(name, func(text string) {
			wantKind, wantEnd := metric.Kind(0), 0
			if text == name {
				wantKind, wantEnd = kind, 1+len(name)
			}
			if got, end := scanKind([]byte(":"+text+","), 1); got != wantKind || end != wantEnd {
				t.Fatalf("scanKind(%q) returns %s and the end %d, want %d", text, got, end, wantEnd)
			}
		})
	}
}
