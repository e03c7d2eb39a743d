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
		fmt.Fprintf(&b, "[%s=%s]", tag.Key, tag.Value)
	}
	return strings.TrimSpace(b.String())
}

// withValueParams returns decode with the params ValueParams.
func withValueParams(decode func(*metric.Metric, []byte, Params) error) func(*metric.Metric, []byte) error {
	return func(m *metric.Metric, body []byte) error { return decode(m, body, ValueParams) }
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

// FuzzDecode checks that a used Decoder and a new one decode a body in the same
// way, and do not change it.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"metric":"k"}`), []byte(`metric=k&value=1`), "b")
	f.Add([]byte(`{"value":1,"tags":{"a":"\u0062"}}`), []byte(`value=%31&tags=a%3Db`), "b")
	f.Add([]byte(`value=%zz`), []byte(`{"value":"\n","shift":"+1"`), "boundary")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=value\r\n\r\n1\r\n--b--"), []byte(`{}`), "b")
	f.Fuzz(func(t *testing.T, first, second []byte, boundary string) {
		decode := func(d *Decoder, body []byte) (string, bool) {
			var m metric.Metric
			var err error
			switch {
			case boundary != "" && bytes.HasPrefix(body, []byte("--"+boundary)):
				err = d.Multipart(&m, body, boundary, NamedParams)
			case IsJSON(body):
				err = d.JSON(&m, body, NamedParams)
			default:
				err = d.Form(&m, body, NamedParams)
			}
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
