package metric

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/prometheus/statsd_exporter/pkg/mapper"

	"statsd-http-proxy/internal/wiretest"
)

// FuzzAppend checks that Append either rejects a metric or writes a line that
// parses as the same metric.
func FuzzAppend(f *testing.F) {
	f.Add(uint8(Count), "some.key", "5", "env=prod,locale=en-us", "0.5", "")
	f.Add(uint8(Gauge), "a b", "-5", "", "", "")
	f.Add(uint8(Gauge), "a/b", "", "a=1", "", "+5")
	f.Add(uint8(Timing), "t\n:1|c", "1e3", "a=b\nc=d", "1", "")
	f.Add(uint8(Set), "ü", "alice bob", "k=v", "", "")
	f.Add(uint8(Gauge)|4<<4, "k[a]", "-5", "b=1,a=2,[c=]", "", "")
	f.Add(uint8(Gauge)|9<<4, "ключ", "-5", "z=1,é=2", "", "")
	var encoders []*Encoder
	for i := range tagFormats {
		encoders = append(encoders, newTestEncoder(f, Options{Prefix: "pre", TagFormat: tagFormats[i].name}))
	}
	encoders = append(encoders, newTestEncoder(f, Options{Prefix: "pre", IsStream: true}))
	for flavor := FlavorEtsy; flavor <= FlavorVector; flavor++ {
		encoders = append(encoders, newTestEncoder(f, Options{Prefix: "pre", Flavor: flavor, TagFormat: "influxdb"}))
	}
	f.Fuzz(func(t *testing.T, kind uint8, name, value, tags, rate, shift string) {
		e := encoders[int(kind>>4)%len(encoders)]
		m := Metric{Kind: Kind(kind % 4), Name: []byte(name), Tags: pairs(tags)}
		given := func(text string) Value {
			if text == "" {
				return Value{}
			}
			return str(text)
		}
		m.Value, m.SampleRate, m.Shift = given(value), given(rate), given(shift)
		l := Lines{Bytes: []byte("x"), Ends: []int{1}}
		w, err := e.Append(&l, &m, nil)
		if err != nil {
			if string(l.Bytes) != "x" || len(l.Ends) != 1 {
				t.Fatalf("Append returned %q, but wrote %q", err, l.Bytes)
			}
			return
		}
		written := l.Bytes[2:]
		if len(written) > datagram || !utf8.Valid(written) || len(l.Ends) != 2 {
			t.Fatalf("%q is too long, not UTF-8, or in %d groups", written, len(l.Ends)-1)
		}
		lines := strings.Split(string(written), "\n")
		if head, second, ok := strings.Cut(lines[0], ":0|g:"); ok && e.gauge == gaugeZeroValue && m.Kind == Gauge {
			lines = []string{head + ":0|g", head + ":" + second}
		}
		if m.Kind == Gauge && len(lines) == 2 {
			zero, err := wiretest.Parse(lines[0], e.format.name)
			if err != nil || zero.Value != 0 || zero.Delta || m.Shift.Form != Absent {
				t.Fatalf("the first of %q: %+v, %v", lines, zero, err)
			}
			lines = lines[1:]
		}
		if len(lines) != 1 {
			t.Fatalf("%q are %d lines", written, len(lines))
		}
		line, err := wiretest.Parse(lines[0], e.format.name)
		if err != nil {
			t.Fatal(err)
		}
		if line.Type != kinds[m.Kind].letters || math.Abs(line.Rate-w.Rate) > 1e-12 {
			t.Fatalf("%q: type %s, rate %v, want %s, %v", written, line.Type, line.Rate, m.Kind, w.Rate)
		}
		if want := "pre." + fold(e, name); line.Name != want {
			t.Fatalf("%q: name %q, want %q", written, line.Name, want)
		}
		want := 0
		for _, tag := range m.Tags {
			if len(tag.Value) > 0 {
				want++
			}
		}
		if e.format.isDropped && len(line.Tags) != 0 || !e.format.isDropped && !hasTags(line.Tags, want) {
			t.Fatalf("%q: %d tags, want %d", written, len(line.Tags), want)
		}
		checkKeys(t, e, &w, want)
		number := value
		switch {
		case m.Kind == Set:
			want := []byte(value)
			if e.replacesNonASCII {
				replaceNonASCII(want)
			}
			if line.Text != string(want) {
				t.Fatalf("%q: value %q, want %q", written, line.Text, want)
			}
			return
		case m.Shift.Form != Absent:
			number = shift
			if !line.Delta {
				t.Fatalf("%q is no delta", written)
			}
		case number == "":
			number = "0"
		}
		float, err := strconv.ParseFloat(strings.TrimFunc(number, isBlank), 64)
		if err != nil || math.Abs(line.Value-float) > 1e-9*math.Abs(float) {
			t.Fatalf("%q: value %v, want %v (%v)", written, line.Value, float, err)
		}
	})
}

// checkKeys checks that the keys of a written line are distinct, in byte order and
// not reserved.
func checkKeys(t *testing.T, e *Encoder, w *Written, want int) {
	t.Helper()
	last, n := "", 0
	for keys := e.TagKeys(w); ; n++ {
		key, ok := keys.Next()
		if !ok {
			break
		}
		escaped := mapper.EscapeMetricName(string(key))
		if string(key) <= last || strings.HasPrefix(escaped, "__") || escaped == "quantile" && !e.traits.takesQuantile {
			t.Fatalf("%q has the key %q after %q", w.Name, key, last)
		}
		last = string(key)
	}
	if n != want && !e.format.isDropped {
		t.Fatalf("%q has %d keys, want %d", w.Name, n, want)
	}
}

// hasTags reports whether the parsed line has the given number of tags. The
// parser of statsd_exporter may map two keys to one label, because it replaces
// most characters by underscores.
func hasTags(tags map[string]string, given int) bool {
	for key := range tags {
		if strings.Contains(key, "_") {
			return len(tags) <= given
		}
	}
	return len(tags) == given
}

// fold is a second implementation of the rules for names.
func fold(e *Encoder, name string) string {
	var b strings.Builder
	inBlanks := false
	for _, r := range name {
		switch {
		case isBlank(r):
			if !inBlanks {
				b.WriteByte('_')
			}
		case e.traits.crashesOnBrackets && (r == '[' || r == ']'):
			b.WriteByte('_')
		case e.replacesNonASCII && r >= utf8.RuneSelf:
			b.WriteString(strings.Repeat("_", utf8.RuneLen(r)))
		default:
			b.WriteRune(r)
		}
		inBlanks = isBlank(r)
	}
	return b.String()
}
