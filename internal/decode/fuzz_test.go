package decode

import (
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/wiretest"
)

// FuzzJSON compares the JSON scanner with a library: both must accept the same
// texts, and decode strings in the same way.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0.5e+3,{"b":"\u00e9\ud83d\ude00\n"}],"c":null,"d":true}`, `[]`, `"\ud800"`, `01`, `-`, `1.`, `1e`, `{"a" 1}`,
		"\"\xff\"", "\"\x01\"", `nul`, `[1,]`, `{"a":1,}`, ` [ ] x`, `"\u12"`, `"\x"`, "\"\u007f\u2028\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s := scanner{data: text}
		err := s.skip(0)
		if err == nil {
			err = s.end("value")
		}
		if (err != nil) != s.isMalformed {
			t.Fatalf("%q: error %v, isMalformed %v", text, err, s.isMalformed)
		}
		value := jsontext.Value(text)
		valid := value.IsValid(jsontext.AllowDuplicateNames(true))
		if valid != (err == nil) && (err == nil || !strings.Contains(err.Error(), "nested deeper")) {
			t.Fatalf("%q: error %v, but the library reports valid: %v", text, err, valid)
		}
		if err != nil || value.Kind() != '"' {
			return
		}
		d := Decoder{scan: scanner{data: text}}
		got, err := d.text()
		want, wantErr := jsontext.AppendUnquote(nil, strings.TrimSpace(string(text)))
		if err != nil || wantErr != nil || string(got) != string(want) {
			t.Fatalf("%q is %q, %v, want %q, %v", text, got, err, want, wantErr)
		}
	})
}

// FuzzFastObject checks that the fast path decodes an object in the same way as
// Decoder.object.
func FuzzFastObject(f *testing.F) {
	for _, seed := range fastObjects {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"metric":"a\u0062","type":"count","value":1.5e3,"tags":{"a":null}}`))
	f.Fuzz(func(t *testing.T, object []byte) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		var fast, slow Decoder
		var got, want metric.Metric
		fast.scan, slow.scan = scanner{data: object}, scanner{data: object}
		if !fast.fastObject(&got) {
			if fast.scan.pos != 0 {
				t.Fatalf("fastObject rejected %q, but moved to %d", object, fast.scan.pos)
			}
			return
		}
		err := slow.object(&want, EntryParams)
		if err != nil || fast.scan.pos != slow.scan.pos || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is %+v in %d bytes, want %+v in %d, %v", object, got, fast.scan.pos, want, slow.scan.pos, err)
		}
	})
}

func newEncoder(t testing.TB, options metric.Options) *metric.Encoder {
	t.Helper()
	options.MaxLine = 1432
	e, err := metric.NewEncoder(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// FuzzLines checks that each accepted line of a batch parses as the same metric,
// in every tag format, and that the fast path writes the same lines.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a:1|c\nb,env=prod:1:2|ms|@0.5\r\n\nc;x=y:-5|g|#env:prod\nu:alice:bob|s\nh:1|h"))
	f.Add([]byte("a b:+1|g|@1|#a:b\n:1|c\na:1|c|#a\nä,ö=ü:1e3|d"))
	formats := []string{"influxdb", "graphite", "dogstatsd", "librato", "signalfx", "none"}
	var encoders []*metric.Encoder
	for _, format := range formats {
		encoders = append(encoders, newEncoder(f, metric.Options{TagFormat: format, Histograms: true}))
	}
	others := append(encoders, newEncoder(f, metric.Options{Tags: []metric.Tag{{Key: []byte("env"), Value: []byte("prod")}}}),
		newEncoder(f, metric.Options{Prefix: "pre", NameFormat: "prometheus", Lowercase: true}))
	patterns, err := metric.ParsePatterns([]string{"a*", "*e"})
	if err != nil {
		f.Fatal(err)
	}
	kinds, err := metric.ParseKinds([]string{"count", "gauge"})
	if err != nil {
		f.Fatal(err)
	}
	narrow := &metric.Scope{Prefix: []byte("p"), Metrics: patterns, Kinds: kinds}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		var m metric.Metric
		for d.OpenBatch(body); ; {
			rest := d.Lines()
			bad, err := d.Next(&m)
			checkFast(t, others, narrow, &d, &m, rest, bad == nil && err == nil)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				if d.isArray {
					return
				}
				t.Fatalf("lines cannot be malformed as a whole: %v", err)
			}
			if bad != nil || !m.FromLine {
				continue
			}
			for i, e := range encoders {
				var l metric.Lines
				if _, err := e.Append(&l, &m, nil); err == nil {
					checkLines(t, &m, &l, formats[i])
				}
			}
		}
	})
}

// checkFast checks that AppendFast writes the first line of rest in the same way
// as Append. m is that line, decoded if isDecoded is true.
func checkFast(t *testing.T, encoders []*metric.Encoder, narrow *metric.Scope, d *Decoder, m *metric.Metric, rest []byte, isDecoded bool) {
	t.Helper()
	for _, e := range encoders {
		for _, scope := range []*metric.Scope{nil, narrow} {
			fast, slow := metric.Lines{Bytes: []byte("x"), Ends: []int{1}}, metric.Lines{Bytes: []byte("x"), Ends: []int{1}}
			w, n := e.AppendFast(&fast, rest, scope)
			if n == 0 {
				if string(fast.Bytes) != "x" || len(fast.Ends) != 1 {
					t.Fatalf("AppendFast rejected %q, but wrote %q", rest, fast.Bytes)
				}
				continue
			}
			if !isDecoded || string(d.Lines()) != string(rest[n:]) {
				t.Fatalf("AppendFast took %[2]d bytes of %[1]q; decoded: %[3]v, and %[4]q is left", rest, n, isDecoded, d.Lines())
			}
			want, err := e.Append(&slow, m, scope)
			if err != nil || !reflect.DeepEqual(fast, slow) {
				t.Fatalf("AppendFast wrote %q as %q, Append as %q, %v", rest[:n], fast.Bytes, slow.Bytes, err)
			}
			if w.Rate != want.Rate || string(w.Name) != string(want.Name) || string(w.Tags) != string(want.Tags) {
				t.Fatalf("%q: AppendFast returned %v %q %q, Append %v %q %q", rest[:n], w.Rate, w.Name, w.Tags, want.Rate, want.Name, want.Tags)
			}
		}
	}
}

// checkLines parses the lines of m and compares them with m.
func checkLines(t *testing.T, m *metric.Metric, l *metric.Lines, format string) {
	t.Helper()
	lines := strings.Split(string(l.Bytes), "\n")
	values := append([]metric.Value{m.Value}, m.More...)
	if len(lines) != len(values) || len(l.Ends) != len(values) {
		t.Fatalf("%d values make the lines %q, which end at %v", len(values), lines, l.Ends)
	}
	for i, text := range lines {
		line, err := wiretest.Parse(text, format)
		if err != nil {
			t.Fatal(err)
		}
		kind, ok := metric.ParseLetters([]byte(line.Type))
		if !ok || kind != m.Kind || len(strings.Fields(line.Name)) != 1 {
			t.Fatalf("%q is a %s called %q", text, line.Type, line.Name)
		}
		if name := string(m.Name); !strings.ContainsAny(name, " \t") && isASCII(name) && line.Name != name {
			t.Fatalf("%q has the name %q, want %q", text, line.Name, name)
		}
		number := strings.TrimFunc(string(values[i].Text), func(r rune) bool { return len(metric.TrimBlanks([]byte(string(r)))) == 0 })
		if kind == metric.Set {
			if line.Text != string(values[i].Text) {
				t.Fatalf("%q has the value %q, want %q", text, line.Text, values[i].Text)
			}
		} else if want, err := strconv.ParseFloat(number, 64); err != nil || math.Abs(line.Value-want) > 1e-9*math.Abs(want) {
			t.Fatalf("%q has the value %v, want %v (%v)", text, line.Value, want, err)
		}
		if delta := kind == metric.Gauge && strings.ContainsAny(number[:1], "+-"); line.Delta != delta {
			t.Fatalf("%q moves a gauge: %v, want %v", text, line.Delta, delta)
		}
		rate := 1.0
		if m.SampleRate.Form != metric.Absent {
			rate, _ = strconv.ParseFloat(string(metric.TrimBlanks(m.SampleRate.Text)), 64)
		}
		if math.Abs(line.Rate-rate) > 1e-9 {
			t.Fatalf("%q has the rate %v, want %v", text, line.Rate, rate)
		}
		if want := len(m.Tags); format == "none" && len(line.Tags) > 0 || format != "none" && (len(line.Tags) > want || len(line.Tags) == 0 && want > 0) {
			t.Fatalf("%q has %d tags, want %d", text, len(line.Tags), want)
		}
	}
}

func isASCII(text string) bool {
	for _, b := range []byte(text) {
		if b >= 0x80 {
			return false
		}
	}
	return true
}
