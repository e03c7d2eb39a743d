package decode

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"statsd-http-proxy/internal/metric"
)

// show returns the contents of m as text. A test keeps the text because m is valid
// only until the next call of the decoder.
func show(m *metric.Metric) string {
	var b strings.Builder
	for _, v := range []struct {
		name  string
		value metric.Value
	}{{"value", m.Value}, {"time", m.Time}, {"shift", m.Shift}, {"sampleRate", m.SampleRate}} {
		if v.value.Form != metric.Absent {
			fmt.Fprintf(&b, "%s=%s%s ", v.name, map[metric.Form]string{metric.Number: "#", metric.String: "$"}[v.value.Form], v.value.Text)
		}
	}
	for _, tag := range m.Tags {
		if tag.IsBare() {
			fmt.Fprintf(&b, "[%s]", tag.Key)
		} else {
			fmt.Fprintf(&b, "[%s=%s]", tag.Key, tag.Value)
		}
	}
	return strings.TrimSpace(b.String())
}

// decodeBody decodes a body without a query string, with the params ValueParams.
func decodeBody(d *Decoder) func(*metric.Metric, []byte) error {
	return func(m *metric.Metric, body []byte) error { return d.Decode(m, &Input{Body: body}) }
}

// accepts checks that decode accepts input. It decodes twice: the second time
// shows whether state is left from the first.
func accepts(t *testing.T, decode func(*metric.Metric, []byte) error, input, want string) {
	t.Helper()
	var m metric.Metric
	for range 2 {
		m.Reset()
		err := decode(&m, []byte(input))
		if got := show(&m); err != nil || got != want {
			t.Errorf("decoding %q gives %q, %v, want %q", input, got, err, want)
		}
	}
}

// rejects checks that decode rejects input with an error that contains want.
func rejects(t *testing.T, decode func(*metric.Metric, []byte) error, input, want string) {
	t.Helper()
	var m metric.Metric
	err := decode(&m, []byte(input))
	if err == nil {
		t.Errorf("decoding %.80q gives %q, want an error with %q", input, show(&m), want)
	} else if !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
		t.Errorf("decoding %.80q fails with %q, want %q in it", input, err, want)
	}
}

func TestQueryAndBodyAreRead(t *testing.T) {
	var d Decoder
	f := func(params Params, query, body, want string) {
		t.Helper()
		decode := func(m *metric.Metric, body []byte) error {
			return d.Decode(m, &Input{Body: body, Query: []byte(query), Params: params})
		}
		if text, isError := strings.CutPrefix(want, "! "); isError {
			rejects(t, decode, body, text)
		} else {
			accepts(t, decode, body, want)
		}
	}
	f(ValueParams, "value=1", "", "value=$1")
	f(ValueParams, "sampleRate=0.5&token=abc", `{"value":1}`, "value=#1 sampleRate=$0.5")
	f(ValueParams, "tags=a%3Db&sampleRate=%30", "value=%31", "value=$1 sampleRate=$0 [a=b]")
	f(ValueParams, "value=1", `{"tags":{"a":"\u0062"}}`, "value=$1 [a=b]")
	f(ValueParams, "tags[a]=b", "tags[c]=d&value=1", "value=$1 [a=b][c=d]")
	f(ValueParams, "value=1", `{"value":null}`, "value=$1")
	f(ValueParams, "value=1", `{"value":1}`, `! parameter "value" is given in the body and in the query string`)
	f(ValueParams, "value=1", "value=1", `! parameter "value" is given in the body and in the query string`)
	f(ValueParams, "tags=", "tags=a=b", `! parameter "tags" is given in the body and in the query string`)
	f(ValueParams, "value=1", `{"value":null,"value":null}`, `! parameter "value" is given twice`)
	f(ValueParams, "value=1&value=1", "", `! parameter "value" is given twice`)
	f(ValueParams, "foo=1", "value=1", `! unknown parameter "foo"`)
	f(ValueParams, "", "token=abc&value=1", `! unknown parameter "token"`)
	f(NamedParams, "metric=k", "value=1", "value=$1")
	f(NamedParams, "metric=k", `{"metric":null,"value":1}`, "value=#1")
	f(NamedParams, "name=k", `{"metric":"l"}`, `! parameter "metric" is given in the body and in the query string`)
	f(NamedParams, "value=1", `{"metric":null}`, `! parameter "metric" is missing`)
	f(NamedParams, "value=1", "", `! parameter "metric" is missing`)
}

func TestByteOrderMarkIsSkipped(t *testing.T) {
	var d Decoder
	accepts(t, decodeBody(&d), "\ufeff{}", "")
	accepts(t, decodeBody(&d), "\ufeff {\"value\":1}", "value=#1")
	accepts(t, decodeBody(&d), "\ufeffvalue=1", "value=$1")
	accepts(t, decodeBody(&d), "\ufeff", "")
	rejects(t, decodeBody(&d), "\ufeff\ufeffvalue=1", "unknown parameter")
}

// FuzzDecode checks that a used Decoder and a new one decode a body in the same
// way, and do not change it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"metric":"k"}`), []byte(`metric=k&value=1`), "b", []byte("sampleRate=0.5"))
	f.Add([]byte(`{"value":1,"tags":{"a":"\u0062"}}`), []byte(`value=%31&tags=a%3Db`), "b", []byte("sampleRate=0.5"))
	f.Add([]byte(`value=%zz`), []byte(`{"value":"\n","shift":"+1"`), "boundary", []byte("sampleRate=0.5"))
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=value\r\n\r\n1\r\n--b--"), []byte(`{}`), "b", []byte("sampleRate=0.5"))
	f.Fuzz(func(t *testing.T, first, second []byte, boundary string, query []byte) {
		decode := func(d *Decoder, body []byte) (string, bool) {
			var m metric.Metric
			in := Input{Body: body, Query: query, Params: NamedParams}
			if boundary != "" && bytes.HasPrefix(body, []byte("--"+boundary)) {
				in.Boundary = boundary
			}
			err := d.Decode(&m, &in)
			return show(&m), err == nil
		}
		var used, fresh Decoder
		decode(&used, first)
		before := bytes.Clone(second)
		got, gotOK := decode(&used, second)
		want, wantOK := decode(&fresh, second)
		if gotOK != wantOK || got != want && gotOK {
			t.Fatalf("after %q, %q gives %q, %v, want %q, %v", first, second, got, gotOK, want, wantOK)
		}
		if diff := cmp.Diff(before, second, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the decoder changed the body: %s", diff)
		}
	})
}
