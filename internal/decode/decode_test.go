package decode

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"statsd-http-proxy/internal/metric"
)

// show writes m as text, since what was decoded is void after the next call.
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

// params makes a decoder want nothing but how much.
func params(decode func(*metric.Metric, []byte, Want) error) func(*metric.Metric, []byte) error {
	return func(m *metric.Metric, body []byte) error { return decode(m, body, Params) }
}

// accepts decodes input twice with d, since nothing may leak between uses.
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

func refuses(t *testing.T, decode func(*metric.Metric, []byte) error, input, want string) {
	t.Helper()
	var m metric.Metric
	err := decode(&m, []byte(input))
	if err == nil {
		t.Errorf("decoding %.80q gives %q, want an error with %q", input, show(&m), want)
	} else if !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
		t.Errorf("decoding %.80q fails with %q, want %q in it", input, err, want)
	}
}

func TestJSONIsDecoded(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); accepts(t, params(d.JSON), input, want) }
	f(`{}`, "")
	f(" \t\r\n{ } \n", "")
	f(`{"value":100500}`, "value=#100500")
	f(`{"value":-1.5e3,"sampleRate":0.5}`, "value=#-1.5e3 sampleRate=#0.5")
	f(`{"value":" +5 ","tags":"env=prod"}`, "value=$ +5  [env=prod]")
	f(`{"time":"1","shift":2}`, "time=$1 shift=#2")
	f(`{"v\u0061lue":"\u00e9\n\"\\","tags":{"\u0061":"\u0062"}}`, "value=$é\n\"\\ [a=b]")
	f(`{"value":"😀\ud83d\ude00"}`, "value=$😀😀")
	f(`{"value":null,"tags":null,"shift":null,"foo":null}`, "")
	f(`{"tags":""}`, "")
	f(`{"tags":" \t"}`, "")
	f(`{"tags":" env = prod ,\tlocale= en us ,a=b=c"}`, "[env=prod][locale=en us][a=b=c]")
	f(`{"tags":{}}`, "")
	f(`{"tags":{"env":"prod","n":1.50,"ok":true,"no":false,"gone":null}}`, "[env=prod][n=1.50][ok=true][no=false]")
	f(`{"tags":{"env":"prod"},"value":1}`, "value=#1 [env=prod]")
}

func TestBadJSONIsRefused(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); refuses(t, params(d.JSON), input, want) }
	f(`{"foo":1}`, `unknown parameter "foo"`)
	f(`{"Value":1}`, `unknown parameter "Value"`)
	f(`{"":1}`, `unknown parameter ""`)
	f(`{"`+strings.Repeat("x", 1000)+`":1}`, `unknown parameter "`+strings.Repeat("x", 60)+`"…`)
	f(`{"value":1,"value":2}`, `parameter "value" is given twice`)
	f(`{"value":null,"v\u0061lue":2}`, `parameter "value" is given twice`)
	f(`{"value":true}`, `parameter "value" is not a number or a string`)
	f(`{"value":{}}`, `parameter "value" is not a number or a string`)
	f(`{"value":[1]}`, `parameter "value" is not a number or a string`)
	f(`{"tags":["a=b"]}`, `parameter "tags" is not a string or an object`)
	f(`{"tags":1}`, `parameter "tags" is not a string or an object`)
	f(`{"tags":{"a":{}}}`, `the value of "a" is neither text nor a number`)
	f(`{"tags":{"a":[]}}`, `the value of "a" is neither text nor a number`)
	f(`{`, "breaks off")
	f(`{"value"`, "breaks off")
	f(`{"value":`, "breaks off")
	f(`{"value":1`, "breaks off")
	f(`{"value":"a`, "breaks off")
	f(`{"tags":{"a":"b"`, "breaks off")
	f(`{"value":1}{`, "something follows the object")
	f(`{"value":1} x`, "something follows the object")
	f(`{"tags":"env"}`, `"env" is not a key=value pair`)
	f(`{"tags":"env=prod,"}`, `"" is not a key=value pair`)
	f(`{"tags":",env=prod"}`, `"" is not a key=value pair`)
	f(`{"tags":"a=1,,b=2"}`, `"" is not a key=value pair`)
	f(`{"metric":"k"}`, `unknown parameter "metric"`)
	f(`{"type":"count"}`, `unknown parameter "type"`)
	f(`{"value":\u0031}`, "malformed JSON at byte 9")
	f(`{"value":"\ud800\u0041"}`, "malformed JSON at byte 10")
	f(`{"value":"\u12`, "malformed")
	f("{\"value\":1\x00}", "malformed JSON at byte 10")
	f("{\"value\":1}\x00", "something follows the object")
	f(`{"value":1,}`, "malformed JSON at byte")
	f(`{"value":01}`, "malformed JSON at byte")
	f(`{"value":+1}`, "malformed JSON at byte")
	f(`{"value":NaN}`, "malformed JSON at byte")
	f(`{"value":0x10}`, "malformed JSON at byte")
	f(`{value:1}`, "malformed JSON at byte")
	f(`{'value':1}`, "malformed JSON at byte")
	f(`{1:1}`, "malformed JSON at byte")
	f("{\"value\":\"a\nb\"}", "malformed JSON at byte")
	f("{\"value\":\"\xff\"}", "malformed JSON at byte")
	f(`{"value":"\ud800"}`, "malformed JSON at byte")
	f(`{"value":"\x41"}`, "malformed JSON at byte")
	f(`{"value":1 "tags":""}`, "malformed JSON at byte")
	f(`{"tags":{"a":nul}}`, "malformed JSON at byte")
	f(`{"tags":`+strings.Repeat(`{"a":`, 20_000), "neither text nor a number")
}

func TestFormIsDecoded(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); accepts(t, params(d.Form), input, want) }
	f("", "")
	f("&&", "")
	f("value=1", "value=$1")
	f("value=+5", "value=$ 5")
	f("value=%2B5", "value=$+5")
	f("&value=1&&tags=env%3Dprod%2Clocale%3Den-us&", "value=$1 [env=prod][locale=en-us]")
	f("value=a=b", "value=$a=b")
	f("value", "value=$")
	f("tags=&value=%C3%A9%00+%c3%a9", "value=$é\x00 é")
	f("v%61lue=1", "value=$1")
	f("sampleRate=0.5&time=3&shift=-1", "time=$3 shift=$-1 sampleRate=$0.5")
}

func TestBadFormIsRefused(t *testing.T) {
	var d Decoder
	f := func(input, want string) { t.Helper(); refuses(t, params(d.Form), input, want) }
	f("foo=1", `unknown parameter "foo"`)
	f("=1", `unknown parameter ""`)
	f("value=1&token=x", `unknown parameter "token"`)
	f("value=1&value=1", `parameter "value" is given twice`)
	f("tags&tags=a=b", `parameter "tags" is given twice`)
	f("tags=&tags=", `parameter "tags" is given twice`)
	f("value=%", `parameter "value": a percent sign`)
	f("value=%4", "a percent sign")
	f("value=%4g", "a percent sign")
	f("value=%g4", "a percent sign")
	f("%zz=1", `parameter "%zz": a percent sign`)
	f("<value>1</value>", `unknown parameter "<value>1</value>"`)
}

func TestQueryLeavesTheTokenOut(t *testing.T) {
	var d Decoder
	accepts(t, params(d.Query), "token=abc&value=1&token=def", "value=$1")
	refuses(t, params(d.Query), "tokens=1", `unknown parameter "tokens"`)

	f := func(query, want string) {
		t.Helper()
		if got := string(QueryToken([]byte(query))); got != want {
			t.Errorf("QueryToken(%q) = %q, want %q", query, got, want)
		}
	}
	f("", "")
	f("token=", "")
	f("value=1&token=a.b.c&token=d", "a.b.c")
	f("token=&token=a", "a")
	f("xtoken=a", "")
	f("token=a%2Eb", "a.b")
	f("token=a%2", "a%2")
	f("%zz=b&%74oken=a", "a")
}

// multipartBody writes a form as a browser does.
func multipartBody(t *testing.T, fields ...string) (body, boundary string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range fields {
		name, text, _ := strings.Cut(field, "=")
		if err := w.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.Boundary()
}

func TestMultipartIsDecoded(t *testing.T) {
	var d Decoder
	f := func(want string, fields ...string) {
		t.Helper()
		body, boundary := multipartBody(t, fields...)
		accepts(t, func(m *metric.Metric, b []byte) error { return d.Multipart(m, b, boundary, Params) }, body, want)
	}
	f("")
	f("value=$1", "value=1")
	f("value=$+5 [env=prod][a=b]", "tags=env=prod,a=b", "value=+5")
	f("value=${\n}", "value={\n}")
}

func TestBadMultipartIsRefused(t *testing.T) {
	var d Decoder
	f := func(body, boundary, want string) {
		t.Helper()
		refuses(t, func(m *metric.Metric, b []byte) error { return d.Multipart(m, b, boundary, Params) }, body, want)
	}
	body, boundary := multipartBody(t, "foo=1")
	f(body, boundary, `unknown parameter "foo"`)
	body, boundary = multipartBody(t, "value=1", "value=2")
	f(body, boundary, `parameter "value" is given twice`)
	f(body, "another", "malformed multipart body")
	f("value=1", "b", "malformed multipart body")
	body, boundary = multipartBody(t, "value=1")
	f(body[:len(body)-8], boundary, `parameter "value" breaks off`)
	f(body[:100], boundary, "malformed multipart body: it breaks off")
	f("--b\r\nContent-Disposition: form-data; name=value\r\n\r\n1", "b", `parameter "value" breaks off`)
	f("--b\r\nContent-Disposition: form-data; name=value; filename=blob\r\n\r\n1\r\n--b--", "b", `parameter "value" is a file`)
	f("--b\r\n\r\n1\r\n--b--", "b", `unknown parameter ""`)
}

func TestIsJSON(t *testing.T) {
	for body, want := range map[string]bool{
		"": false, "{": true, " \r\n\t{}": true, "value={}": false, "[]": false, "\ufeff{}": false, "  ": false, "\u00a0{": false,
	} {
		if got := IsJSON([]byte(body)); got != want {
			t.Errorf("IsJSON(%q) = %v, want %v", body, got, want)
		}
	}
}

// FuzzDecode shows that a body is read the same after another one as by a new
// Decoder, and that nothing panics.
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
				err = d.Multipart(&m, body, boundary, Named)
			case IsJSON(body):
				err = d.JSON(&m, body, Named)
			default:
				err = d.Form(&m, body, Named)
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
			t.Fatalf("the body is changed: %s", diff)
		}
	})
}
