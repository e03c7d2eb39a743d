package decode

import (
	"fmt"
	"testing"

	"statsd-http-proxy/internal/metric"
)

// TestFastPathTakesTypicalRequests checks which requests take the fast path. FuzzSingle
// checks that the result is the same as without it.
func TestFastPathTakesTypicalRequests(t *testing.T) {
	f := func(want bool, in Input) {
		t.Helper()
		if _, got := new(Decoder).SingleFields(&in); got != want {
			t.Errorf("SingleFields(%q, query %q, boundary %q, params %d) returns %t", in.Body, in.Query, in.Boundary, in.Params, got)
		}
	}
	body := func(want bool, params Params, texts ...string) {
		t.Helper()
		for _, text := range texts {
			f(want, Input{Body: []byte(text), Params: params})
		}
	}
	body(true, ValueParams, `{"value":1}`, `{"value": 5, "tags": {"env": "prod"}}`, `{"tags":"a=b","sampleRate":0.5,"value":"7"}`,
		`value=5`, `value=5&tags=env=prod,locale=en-us`, `tags=a&sampleRate=0.5&value=x"\`,
		`tags=a=b`, `{"tags":"a=b"}`)
	body(true, NamedParams, `{"metric":"k","value":1}`, `{"value":1,"name":"k"}`, `metric=k&value=1`, `value=1&name=k`)
	body(false, ValueParams, "", " ", "{}", "\ufeff{\"value\":1}", ` {"value":1}`, `{"value":1} `, "{\"value\":1}\n", `{"value":1}{"value":1}`, `[{"value":1}]`,
		`{"value":1,"value":1}`, `{"value":1,"metric":"k"}`, `{"value":1,"type":"count"}`, `{"time":1}`, `{"value":null}`,
		"value", "value=", "=5", "value=5&", "&value=5", "value=5&&tags=a=b", "value=5&value=5", "value=%35", "value=+5", "value=5 ", "value=5\n", "v%61lue=5", "value=ä",
		"value=5&metric=k", "value=5&type=count", "value=5&tags[a]=b", "value=5&more=1", "time=5", "shift=5")
	body(false, NamedParams, `{"value":1}`, "value=1", `{"metric":"k","type":"count","value":1}`, "metric=k&type=count&value=1", "metric=k&name=k&value=1")

	for b := range 256 {
		isGraphic := '!' <= b && b <= '~'
		body(isGraphic && b != '&' && b != '%' && b != '+', ValueParams, "value=5"+string([]byte{byte(b)})+"5")
		body(isGraphic && b != '"' && b != '\\' && b != ',' && b != '=', ValueParams, `{"tags":{"a":"b`+string([]byte{byte(b)})+`c"},"value":5}`)
	}

	query := func(want bool, query string) {
		t.Helper()
		f(want, Input{Body: []byte("value=1"), Query: []byte(query)})
	}
	query(true, "token=abc.d-e_f")
	query(true, "token=")
	for _, text := range []string{"token", "tokens=1", "value=1", "token=a&value=1", "token=a&token=b", "token=%", "token=a+b", "Token=a"} {
		query(false, text)
	}
	f(false, Input{Body: []byte("value=1"), Boundary: "b"})
}

// FuzzSingle checks that the fast path changes nothing about a request with one metric:
// neither its line nor how it is described.
func FuzzSingle(f *testing.F) {
	encoders := fuzzEncoders(f)
	for _, body := range []string{
		`{"value":1}`, `{"value": 5, "tags": {"locale": "en-us", "env": "prod"}}`, `{"value":"-5","tags":"a=b,__c=d"}`, `{"metric":"k","value":1,"sampleRate":0.25}`,
		"value=5", "value=5&tags=b=1,a=2&sampleRate=0.5", "value=alice&tags=a=b=c", "metric=k&value=0", `value="\&tags=~a=~b`, "value=5&tags=a", "value=5&sampleRate=1.0", "tags=a=b&value=05",
	} {
		for i := range 4 * len(encoders) {
			f.Add(uint8(i), uint8(i), "some.key", []byte(body), []byte("token=a.b"))
		}
	}
	f.Add(uint8(0), uint8(0), "constructor", []byte("value=5"), []byte{})
	f.Add(uint8(0), uint8(0), "a/b", []byte("value=5"), []byte("value=5"))
	f.Fuzz(func(t *testing.T, settings, request uint8, name string, body, query []byte) {
		e := encoders[int(settings)%len(encoders)]
		in := &Input{Body: body, Query: query, Params: Params(request % 2)}
		kind := metric.Kind(request / 2 % 6)
		var d Decoder
		fast, ok := describeSingle(&d, e, in, kind, name, true)
		if !ok {
			return
		}
		if slow, _ := describeSingle(&d, e, in, kind, name, false); fast != slow {
			t.Fatalf("the fast path makes of %v %q %q:\n%s\nwant:\n%s", kind, name, body, fast, slow)
		}
	})
}

// describeSingle describes what d and e make of a request with one metric. It reports whether
// the fast path takes the request, if isFast is set.
func describeSingle(d *Decoder, e *metric.Encoder, in *Input, kind metric.Kind, name string, isFast bool) (description string, ok bool) {
	var l metric.Lines
	var w metric.Written
	var err error
	if isFast {
		f, isUsual := d.SingleFields(in)
		if !isUsual || !e.TakesFields() {
			return "", false
		}
		f.Kind = kind
		if in.Params == ValueParams {
			f.Name = []byte(name)
		}
		if !e.AppendFields(&w, &l, f, nil) {
			return "", false
		}
	} else {
		m := metric.Metric{Kind: kind, Name: []byte(name)}
		if err = d.Decode(&m, in); err == nil {
			w, err = e.Append(&l, &m, nil)
		}
	}
	return fmt.Sprintf("%v, %s\n%q %d", err, describeWritten(e, &w), l.Bytes, l.Ends), true
}
