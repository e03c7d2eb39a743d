package decode

import (
	"errors"
	"io"
	"math"
	"reflect"
	"slices"
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
// in every tag format and flavor, and that the fast path writes the same lines.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a:1|c\nb,env=prod:1:2|ms|@0.5\r\n\nc;x=y:-5|g|#env:prod\nu:alice:bob|s\nh:1|h"))
	f.Add([]byte("a b:+1|g|@1|#a:b\n:1|c\na:1|c|#a\nä,ö=ü:1e3|d"))
	f.Add([]byte("a:0|g\na:-5|g\nb:1|ms|@0.5:2|ms|@0.5|#x:y|c:in-1\nc,b=1,a=2:.5|h|T12\nt:1|ms|@0.0001\nconstructor:1|c\n[a]:1|c"))
	var encoders []writer
	for _, format := range []string{"influxdb", "graphite", "dogstatsd", "librato", "signalfx", "none"} {
		encoders = append(encoders, writer{newEncoder(f, metric.Options{TagFormat: format, Histograms: true}), format, true})
	}
	for flavor := metric.FlavorEtsy; flavor <= metric.FlavorVector; flavor++ {
		for _, format := range []string{"influxdb", "dogstatsd"} {
			options := metric.Options{Flavor: flavor, TagFormat: format, Histograms: true}
			encoders = append(encoders, writer{newEncoder(f, options), format, flavor == metric.FlavorStatsDExporter})
		}
	}
	var all []*metric.Encoder
	for _, w := range encoders {
		all = append(all, w.encoder)
	}
	deny, err := metric.ParsePatterns([]string{"b*", "*x*"})
	if err != nil {
		f.Fatal(err)
	}
	patterns, err := metric.ParsePatterns([]string{"a*", "*e"})
	if err != nil {
		f.Fatal(err)
	}
	all = append(all, newEncoder(f, metric.Options{Tags: []metric.Tag{{Key: []byte("env"), Value: []byte("prod")}}}),
		newEncoder(f, metric.Options{Prefix: "pre", NameFormat: "prometheus", Lowercase: true}),
		newEncoder(f, metric.Options{Prefix: "__", IsStream: true, DenyMetrics: deny, AllowTags: patterns}))
	kinds, err := metric.ParseKinds([]string{"count", "gauge"})
	if err != nil {
		f.Fatal(err)
	}
	narrow := &metric.Scope{Prefix: []byte("p"), Metrics: patterns, Tags: patterns, Kinds: kinds}
	f.Fuzz(func(t *testing.T, body []byte) {
		var d Decoder
		var m metric.Metric
		for d.OpenBatch(body); ; {
			rest := d.Lines()
			bad, err := d.Next(&m)
			checkFast(t, all, narrow, &d, &m, rest, bad == nil && err == nil)
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

// keysOf returns the tag keys of a written line.
func keysOf(e *metric.Encoder, w *metric.Written) (text string) {
	for keys := e.TagKeys(w); ; {
		key, ok := keys.Next()
		if !ok {
			return text
		}
		text += string(key) + " "
	}
}

// checkFast checks that AppendFast writes the first line of rest in the same way
// as Append. m is that line, decoded if isDecoded is true.
func checkFast(t *testing.T, encoders []*metric.Encoder, narrow *metric.Scope, d *Decoder, m *metric.Metric, rest []byte, isDecoded bool) {
	t.Helper()
	for _, e := range encoders {
		for _, scope := range []*metric.Scope{nil, narrow} {
			fast, slow := metric.Lines{Bytes: []byte("x"), Ends: []int{1}}, metric.Lines{Bytes: []byte("x"), Ends: []int{1}}
			var w metric.Written
			n := e.AppendFast(&w, &fast, rest, scope)
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
			if err != nil || string(fast.Bytes) != string(slow.Bytes) || !slices.Equal(fast.Ends, slow.Ends) {
				t.Fatalf("AppendFast wrote %q as %q, Append as %q, %v", rest[:n], fast.Bytes, slow.Bytes, err)
			}
			if w.Rate != want.Rate || w.Repeats != want.Repeats || keysOf(e, &w) != keysOf(e, &want) || string(w.Name) != string(want.Name) || string(w.Tags) != string(want.Tags) {
				t.Fatalf("%q: AppendFast returned %v %q %q, Append %v %q %q", rest[:n], w.Rate, w.Name, w.Tags, want.Rate, want.Name, want.Tags)
			}
		}
	}
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
