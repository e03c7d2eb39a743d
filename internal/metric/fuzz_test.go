package metric

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"statsd-http-proxy/internal/wiretest"
)

// FuzzAppend shows that whatever a metric says, its line either is refused or
// reads back as that metric and no other.
func FuzzAppend(f *testing.F) {
	f.Add(uint8(Count), "some.key", "5", "env=prod,locale=en-us", "0.5", "")
	f.Add(uint8(Gauge), "a b", "-5", "", "", "")
	f.Add(uint8(Gauge), "a/b", "", "a=1", "", "+5")
	f.Add(uint8(Timing), "t\n:1|c", "1e3", "a=b\nc=d", "1", "")
	f.Add(uint8(Set), "ü", "alice bob", "k=v", "", "")
	e, err := NewEncoder("pre", datagram)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind uint8, name, value, tags, rate, shift string) {
		m := Metric{Kind: Kind(kind % 4), Name: []byte(name), Tags: str(tags)}
		given := func(text string) Value {
			if text == "" {
				return Value{}
			}
			return str(text)
		}
		m.Value, m.SampleRate, m.Shift = given(value), given(rate), given(shift)
		written, gotRate, err := e.Append([]byte("x"), &m)
		if err != nil {
			if string(written) != "x" {
				t.Fatalf("refused with %q, but %q is written", err, written)
			}
			return
		}
		if len(written)-1 > datagram || !utf8.Valid(written) {
			t.Fatalf("%q is too long or not UTF-8", written)
		}
		lines := strings.Split(string(written[1:]), "\n")
		if m.Kind == Gauge && len(lines) == 2 {
			zero, err := wiretest.Parse(lines[0])
			if err != nil || zero.Value != 0 || zero.Delta || m.Shift.Form != Absent {
				t.Fatalf("the first of %q: %+v, %v", lines, zero, err)
			}
			lines = lines[1:]
		}
		if len(lines) != 1 {
			t.Fatalf("%q are %d lines", written, len(lines))
		}
		line, err := wiretest.Parse(lines[0])
		if err != nil {
			t.Fatal(err)
		}
		if line.Type != kinds[m.Kind].wire || math.Abs(line.Rate-gotRate) > 1e-12 {
			t.Fatalf("%q: type %s, rate %v, want %s, %v", written, line.Type, line.Rate, m.Kind, gotRate)
		}
		if want := "pre." + fold(name); line.Name != want {
			t.Fatalf("%q: name %q, want %q", written, line.Name, want)
		}
		if pairs := bytes.Count([]byte(tags), []byte{'='}); len(line.Tags) != pairs {
			t.Fatalf("%q: %d tags, want %d", written, len(line.Tags), pairs)
		}
		number := value
		switch {
		case m.Kind == Set:
			if line.Text != value {
				t.Fatalf("%q: value %q, want %q", written, line.Text, value)
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
		want, err := strconv.ParseFloat(strings.TrimFunc(number, isBlank), 64)
		if err != nil || math.Abs(line.Value-want) > 1e-9*math.Abs(want) {
			t.Fatalf("%q: value %v, want %v (%v)", written, line.Value, want, err)
		}
	})
}

// fold is a second, plain way to write a name.
func fold(name string) string {
	var b strings.Builder
	inBlanks := false
	for _, r := range name {
		if isBlank(r) {
			if !inBlanks {
				b.WriteByte('_')
			}
		} else {
			b.WriteRune(r)
		}
		inBlanks = isBlank(r)
	}
	return b.String()
}
