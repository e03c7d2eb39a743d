package decode

import (
	"errors"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

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
		// The library calls unpaired surrogates invalid UTF-8, too.
		valid := utf8.Valid(text) && value.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if valid != (err == nil) && (err == nil || !strings.Contains(err.Error(), "nested deeper")) {
			t.Fatalf("%q: error %v, but the library reports valid: %v", text, err, valid)
		}
		if err != nil || value.Kind() != '"' {
			return
		}
		d := Decoder{scan: scanner{data: text}}
		got, err := d.text()
		want, _ := jsontext.AppendUnquote(nil, strings.TrimSpace(string(text))) // the error is about unpaired surrogates only
		if err != nil || string(got) != string(want) {
			t.Fatalf("%q is %q, %v, want %q", text, got, err, want)
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
		slow.begin(EntryParams)
		err := slow.object(&want)
		if err == nil {
			err = slow.end()
		}
		if err != nil || fast.scan.pos != slow.scan.pos || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is %+v in %d bytes, want %+v in %d, %v", object, got, fast.scan.pos, want, slow.scan.pos, err)
		}
	})
}

// FuzzLines checks that each accepted line of a batch parses as the same metric,
// in every tag format and flavor.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a:1|c\nb,env=prod:1:2|ms|@0.5\r\n\nc;x=y:-5|g|#env:prod\nu:alice:bob|s\nh:1|h"))
	f.Add([]byte("a b:+1|g|@1|#a:b\n:1|c\na:1|c|#a\nä,ö=ü:1e3|d"))
	f.Add([]byte("a:0|g\na:-5|g\nb:1|ms|@0.5:2|ms|@0.5|#x:y|c:in-1\nc,b=1,a=2:.5|h|T12\nt:1|ms|@0.0001\nconstructor:1|c\n[a]:1|c"))
	encoders := fuzzWriters(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		var m metric.Metric
		for d.OpenBatch(body); ; {
			bad, err := d.Next(&m)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				if d.format != formatLines {
					return
				}
				t.Fatalf("lines cannot be malformed as a whole: %v", err)
			}
			if bad != nil || !m.FromLine {
				continue
			}
			for _, w := range encoders {
				var l metric.Lines
				if _, err := w.encoder.Append(&l, &m, nil); err == nil {
					checkLines(t, &m, &l, w)
				}
			}
		}
	})
}

// writer is an encoder and what its lines look like.
type writer struct {
	encoder          *metric.Encoder
	format           string
	replacesBrackets bool
}

// splitSamples splits a line with several values into lines with one value.
func splitSamples(line string, m *metric.Metric) (lines []string) {
	for i := range m.Extensions {
		line = strings.TrimSuffix(line, "|"+string(m.Extensions[len(m.Extensions)-1-i]))
	}
	head, rest, _ := strings.Cut(line, ":")
	samples, tags, hasTags := strings.Cut(rest, "|#")
	if hasTags {
		tags = "|#" + tags
	}
	_, kind, _ := strings.Cut(samples, "|")
	for sample := range strings.SplitSeq(samples, ":") {
		if !strings.Contains(sample, "|") {
			sample += "|" + kind
		}
		lines = append(lines, head+":"+sample+tags)
	}
	return lines
}

// checkLines parses the lines of m and compares them with m.
func checkLines(t *testing.T, m *metric.Metric, l *metric.Lines, w writer) {
	t.Helper()
	var lines []string
	for line := range strings.SplitSeq(string(l.Bytes), "\n") {
		lines = append(lines, splitSamples(line, m)...)
	}
	values := append([]metric.Value{m.Value}, m.More...)
	if m.IsAbsolute && len(lines) == 2 && strings.Contains(lines[0], ":0|g") {
		lines = lines[1:]
	}
	if len(lines) != len(values) || len(l.Ends) > len(values) || l.Ends[len(l.Ends)-1] != len(l.Bytes) {
		t.Fatalf("%d values make the lines %q, which end at %v", len(values), l.Bytes, l.Ends)
	}
	name := string(m.Name)
	if w.replacesBrackets && w.format != "signalfx" {
		name = strings.NewReplacer("[", "_", "]", "_").Replace(name)
	}
	for i, text := range lines {
		line, err := wiretest.Parse(text, w.format)
		if err != nil {
			t.Fatal(err)
		}
		kind, ok := metric.ParseLetters([]byte(line.Type))
		if !ok || kind != m.Kind || len(strings.Fields(line.Name)) != 1 {
			t.Fatalf("%q is a %s called %q", text, line.Type, line.Name)
		}
		if !strings.ContainsAny(name, " \t") && isASCII(name) && line.Name != name {
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
		if delta := kind == metric.Gauge && strings.ContainsAny(number[:1], "+-"); line.Delta != delta && !m.IsAbsolute {
			t.Fatalf("%q moves a gauge: %v, want %v", text, line.Delta, delta)
		}
		rate := 1.0
		if m.SampleRate.Form != metric.Absent {
			rate, _ = strconv.ParseFloat(string(metric.TrimBlanks(m.SampleRate.Text)), 64)
		}
		if math.Abs(line.Rate-rate) > 1e-9 {
			t.Fatalf("%q has the rate %v, want %v", text, line.Rate, rate)
		}
		want := 0
		for _, tag := range m.Tags {
			if len(tag.Value) > 0 && (w.format != "dogstatsd" || !tag.IsBare()) { // statsd_exporter drops bare tags
				want++
			}
		}
		if w.format == "none" && len(line.Tags) > 0 || w.format != "none" && (len(line.Tags) > want || len(line.Tags) == 0 && want > 0) {
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
