package metric

import (
	"fmt"
	"strings"
	"testing"
)

func encoderWithMaxLine(t *testing.T, maxLine int, options Options) *Encoder {
	t.Helper()
	options.MaxLine = maxLine
	e, err := NewEncoder(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestMaxLineIsExact checks that each kind of line can be as long as MaxLine, and not a
// byte longer.
func TestMaxLineIsExact(t *testing.T) {
	f := func(options Options, m Metric, want string) {
		t.Helper()
		m.Name = []byte("name")
		longest := 0
		for group := range strings.SplitSeq(want, " / ") {
			longest = max(longest, len(group))
		}
		if got, err := appendOne(encoderWithMaxLine(t, longest, options), m, nil); err != nil || got != want {
			t.Errorf("%+v: got %q, %v, want %q", options, got, err, want)
		}
		got, err := appendOne(encoderWithMaxLine(t, longest-1, options), m, nil)
		if _, isLength := err.(*LengthError); !isLength {
			t.Errorf("%+v with lines of %d bytes: got %q, %v", options, longest-1, got, err)
		}
	}
	dogstatsd := Options{TagFormat: "dogstatsd"}
	f(Options{}, Metric{Value: num("1")}, "name:1|c")
	f(Options{}, Metric{Value: num("1.5"), SampleRate: num("0.25")}, "name:1.5|c|@0.25")
	f(Options{}, Metric{Value: num("1"), Tags: pairs("b=v,a=1")}, "name,a=1,b=v:1|c")
	f(dogstatsd, Metric{Value: num("1"), Tags: pairs("a=v,b=1")}, "name:1|c|#a:v,b:1")
	f(Options{Tags: pairs("c=d"), Prefix: "pre"}, Metric{Value: num("1")}, "pre.name,c=d:1|c")
	f(Options{Tags: pairs("c=d"), TagFormat: "dogstatsd"}, Metric{Value: num("1"), Tags: pairs("a=b")}, "name:1|c|#a:b,c:d")
	f(Options{}, Metric{Kind: Set, Value: str("alice")}, "name:alice|s")
	f(Options{}, Metric{Kind: Gauge, Value: num("-5")}, "name:0|g\nname:-5|g")
	f(Options{Flavor: FlavorDatadog}, Metric{FromLine: true, Value: num("1"), Extensions: [][]byte{[]byte("T12"), []byte("c:x")}}, "name:1|c|T12|c:x")
	f(Options{}, Metric{FromLine: true, Value: str("1"), More: []Value{str("234"), str("5")}}, "name:1|c / name:234|c / name:5|c")
}

// TestLinesAreFilled checks that a line with several values ends only where the next
// value does not fit.
func TestLinesAreFilled(t *testing.T) {
	f := func(options Options, kind Kind, tags string, width int) {
		t.Helper()
		var values []string
		for i := range 24 {
			values = append(values, fmt.Sprintf("%0*d", width, i+1)+".5")
		}
		e := encoderWithMaxLine(t, 64, options)
		got, err := appendOne(e, line(kind, tags, "", values...), nil)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(got, " / ")
		samples := func(line string) []string {
			_, rest, _ := strings.Cut(line, ":")
			rest, _, _ = strings.Cut(rest, "|#")
			if e.traits.values == sharedType {
				rest, _, _ = strings.Cut(rest, "|")
			}
			return strings.Split(rest, ":")
		}
		n := 0
		for i, line := range lines {
			if len(line) > 64 {
				t.Errorf("%q has %d bytes", line, len(line))
			}
			if next := min(i+1, len(lines)-1); next > i && len(line)+len(":")+len(samples(lines[next])[0]) <= 64 {
				t.Errorf("%q has room for the first value of %q", line, lines[next])
			}
			for _, sample := range samples(line) {
				n++
				if number, _, _ := strings.Cut(sample, "|"); number != fmt.Sprint(n)+".5" {
					t.Errorf("value %d of %q is %q", n, lines, sample)
				}
			}
		}
		if n != len(values) {
			t.Errorf("%+v: %d values in %q", options, n, lines)
		}
	}
	for width := range 3 { // numbers of other lengths end lines at other places
		f(Options{Flavor: FlavorEtsy}, Count, "", width)
		f(Options{Flavor: FlavorTelegraf}, Timing, "ab=cd", width)
		f(Options{Flavor: FlavorTelegraf, Prefix: "prefix"}, Timing, "ab=cd", width)
		f(Options{Flavor: FlavorTelegraf, TagFormat: "dogstatsd"}, Gauge, "ab=cd", width)
		f(Options{Flavor: FlavorDatadog}, Count, "ab=cd", width)
		f(Options{Flavor: FlavorDatadog}, Timing, "ab=cdefg", width)
	}
}

// TestGrowthIsExact checks that the lines of an entry can be 8 times as long as the
// entry, without prefixes and configured tags, and not a byte longer.
func TestGrowthIsExact(t *testing.T) {
	reached := 0 // how many entries grow exactly 8 times
	f := func(options Options, kind Kind, tags, rate string) {
		t.Helper()
		e := newTestEncoder(t, options)
		for length := 1; length < 200; length += 3 {
			for values := 8; values < 14; values++ {
				m := line(kind, tags, rate, strings.Fields(strings.Repeat("1 ", values))...)
				m.Name = []byte(strings.Repeat("n", length))
				entry := string(m.Name) + strings.Repeat(":1", values) + "|" + kinds[kind].letters
				written := len(m.Name) + len(":1|") + len(kinds[kind].letters)
				if tags != "" {
					entry += "," + tags
					written += len(",") + len(tags)
				}
				if rate != "" {
					entry += "|@" + rate
					written += len("|@") + len(rate)
				}
				if e.format.atEnd && tags != "" {
					written += len("|") // before the tags
				}
				total := values*written + (values - 1)
				want := total <= 8*len(entry)
				if total == 8*len(entry) {
					reached++
				}
				if got, err := appendOne(e, m, nil); (err == nil) != want {
					t.Fatalf("%+v: %q becomes %d bytes: %.100q, %v", options, entry, total, got, err)
				}
			}
		}
	}
	configured := Options{Prefix: "prefix", Tags: pairs("region=eu,zone=1")}
	for _, options := range []Options{{}, {Flavor: FlavorVector}, {Flavor: FlavorVector, TagFormat: "influxdb"}, {TagFormat: "graphite"}, configured} {
		f(options, Count, "", "")
		f(options, Timing, "", "0.5")
		f(options, Timing, "a=b,s=long", "")
		f(options, Count, "tag=a", "0.25")
	}
	if reached < 10 {
		t.Errorf("only %d entries reach the limit", reached)
	}
}

// TestShortIntegersAreNormalized checks integers around the length up to which the
// encoder copies them.
func TestShortIntegersAreNormalized(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(input, want string) {
		t.Helper()
		got, err := appendOne(e, Metric{Name: []byte("k"), Value: str(input)}, nil)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q becomes %q, want %q", input, got, want)
		}
	}
	f("0", "k:0|c")
	f("9", "k:9|c")
	f("00", "k:0|c")
	f("05", "k:5|c")
	f("10", "k:10|c")
	f("123456789012345678", "k:123456789012345678|c")
	f("012345678901234567", "k:12345678901234567|c")
	f("1234567890123456789", "k:1234567890123456789|c")
	f("9223372036854775808", "larger than")
	f("9999999999999999999", "larger than")
	f("1/", "is not a number")
	f("1:", "is not a number")
	f("1a", "is not a number")
}

func TestErrorsNameTheRepeatedKey(t *testing.T) {
	e := newTestEncoder(t, Options{})
	for tags, want := range map[string]string{"a=1,a=2,b=3": "a", "a=1,b=2,b=3,c=4": "b", "c=1,a=2,b=3,c=4": "c", "b=1,a=2,b=3": "b"} {
		if _, err := appendOne(e, Metric{Name: []byte("k"), Tags: pairs(tags)}, nil); err == nil || !strings.Contains(err.Error(), `the key "`+want+`" is given twice`) {
			t.Errorf("%s: %v", tags, err)
		}
	}
}

func TestTextIsCheckedByteByByte(t *testing.T) {
	f := func(kind Kind, value, extension, want string) {
		t.Helper()
		m := Metric{Kind: kind, Name: []byte("k"), Value: str(value), FromLine: true}
		if extension != "" {
			m.Extensions = [][]byte{[]byte(extension)}
		}
		got, err := appendOne(newTestEncoder(t, Options{Flavor: FlavorDatadog}), m, nil)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("the value %q with the section %q becomes %q, want %q", value, extension, got, want)
		}
	}
	for b := range 256 {
		c, want := string([]byte{byte(b)}), ""
		switch {
		case b < ' ' || b == 0x7f:
			want = fmt.Sprintf("control character U+%04X", b)
		case b >= 0x80:
			want = "is not valid UTF-8"
		case b == ':' || b == '|':
			want = "reserved character '" + c + "'"
		default:
			want = "k:a" + c + "|s"
		}
		f(Set, "a"+c, "", want)
		if b == ':' || b == '|' {
			continue // the decoder splits sections there
		}
		if strings.HasPrefix(want, "k:") {
			want = "k:1|c|c:" + c
		}
		f(Count, "1", "c:"+c, want)
	}
	f(Set, "\u0080", "", "control character U+0080")
	f(Set, "\u009f", "", "control character U+009F")
	f(Set, "\u00a0\ufffd\u2028", "", "k:\u00a0\ufffd\u2028|s")
	f(Count, "1", "c:\u0085", "control character U+0085")
	f(Count, "1", "c:\ufffd", "k:1|c|c:\ufffd")
}

func TestLastZeroMustBeTheWholeGroup(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(want string, metrics ...Metric) {
		t.Helper()
		var l Lines
		for i := range metrics {
			if _, err := e.Append(&l, &metrics[i], nil); err != nil {
				t.Fatal(err)
			}
		}
		if string(l.Bytes) != want {
			t.Errorf("got %q, want %q", l.Bytes, want)
		}
	}
	gauge := func(name, value string) Metric {
		m := line(Gauge, "", "", value)
		m.Name, m.IsAbsolute = []byte(name), value == "-5"
		return m
	}
	f("k:0|g\nk:-5|g", gauge("k", "0"), gauge("k", "-5"))
	f("k:10|g\nk:0|g\nk:-5|g", gauge("k", "10"), gauge("k", "-5"))
	f("kk:0|g\nk:0|g\nk:-5|g", gauge("kk", "0"), gauge("k", "-5"))
	f("x:1|g\nk:0|g\nk:-5|g", gauge("x", "1"), gauge("k", "0"), gauge("k", "-5"))
	f("k:0|g\nk:-5|g\nk:0|g\nk:-5|g", gauge("k", "-5"), gauge("k", "-5"))

	l := Lines{}
	l.Append([]byte("k:0|g"))
	l.Append([]byte("k:0|g"))
	if string(l.Bytes) != "k:0|g\nk:0|g" || len(l.Ends) != 2 || l.Ends[0] != 5 || l.Ends[1] != 11 {
		t.Errorf("Lines.Append made %q, %v", l.Bytes, l.Ends)
	}
	if l.Truncate(0); len(l.Bytes) != 0 || len(l.Ends) != 0 {
		t.Errorf("Truncate(0) left %q, %v", l.Bytes, l.Ends)
	}
}
