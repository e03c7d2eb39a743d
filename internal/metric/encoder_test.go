package metric

import (
	"strings"
	"testing"

	"statsd-http-proxy/internal/wiretest"
)

const datagram = 1432

func newTestEncoder(t testing.TB, options Options) *Encoder {
	t.Helper()
	options.MaxLine = datagram
	e, err := NewEncoder(options)
	if err != nil {
		t.Fatalf("NewEncoder(%+v) failed: %v", options, err)
	}
	return e
}

func str(text string) Value { return Value{[]byte(text), String} }

func tag(key, value string) Tag { return Tag{Key: []byte(key), Value: []byte(value)} }

// pairs splits text like env=prod,locale=en-us without checking it.
func pairs(text string) (tags []Tag) {
	for pair := range strings.SplitSeq(text, ",") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			tags = append(tags, tag(key, value))
		}
	}
	return tags
}

func num(text string) Value { return Value{[]byte(text), Number} }

// check appends m twice and compares the lines and the rate. The second time
// shows whether the first one changed m or e.
func check(t *testing.T, e *Encoder, m Metric, want string, wantRate float64) {
	t.Helper()
	l := Lines{Bytes: []byte("before"), Ends: []int{len("before")}}
	for range 2 {
		l.Truncate(1)
		w, err := e.Append(&l, &m, nil)
		if err != nil || string(l.Bytes) != "before\n"+want || w.Rate != wantRate || l.Ends[len(l.Ends)-1] != len(l.Bytes) {
			t.Errorf("Append(%s %.40q) = %q, %v, %v, %v, want %q, %v", m.Kind, m.Name, l.Bytes, l.Ends, w.Rate, err, "before\n"+want, wantRate)
		}
	}
	for text := range strings.SplitSeq(want, "\n") {
		if _, err := wiretest.Parse(text, e.format.name); err != nil {
			t.Errorf("the line does not parse: %v", err)
		}
	}
}

func TestAppendWritesEachKind(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(m Metric, want string) {
		t.Helper()
		m.Name = []byte("some.key")
		check(t, e, m, want, 1)
	}
	f(Metric{Kind: Count}, "some.key:0|c")
	f(Metric{Kind: Count, Value: num("5")}, "some.key:5|c")
	f(Metric{Kind: Count, Value: str(" +5\t")}, "some.key:5|c")
	f(Metric{Kind: Count, Value: str("\u00a05\u2003")}, "some.key:5|c")
	f(Metric{Kind: Count, Value: num("-1.50")}, "some.key:-1.5|c")
	f(Metric{Kind: Gauge, Value: num("5")}, "some.key:5|g")
	f(Metric{Kind: Gauge, Value: num("-0")}, "some.key:0|g")
	f(Metric{Kind: Gauge, Value: num("-5")}, "some.key:0|g\nsome.key:-5|g")
	f(Metric{Kind: Gauge, Shift: num("5")}, "some.key:+5|g")
	f(Metric{Kind: Gauge, Shift: str("-5.5")}, "some.key:-5.5|g")
	f(Metric{Kind: Gauge, Shift: str("0")}, "some.key:+0|g")
	f(Metric{Kind: Timing}, "some.key:0|ms")
	f(Metric{Kind: Timing, Value: num("320")}, "some.key:320|ms")
	f(Metric{Kind: Timing, Time: str("1e2")}, "some.key:100|ms")
	f(Metric{Kind: Timing, Value: num("-1e-999")}, "some.key:0|ms")
	f(Metric{Kind: Set, Value: str("alice")}, "some.key:alice|s")
	f(Metric{Kind: Set, Value: str("héllo, #1 @home = 50 %;")}, "some.key:héllo, #1 @home = 50 %;|s")
	f(Metric{Kind: Set, Value: str("1e3")}, "some.key:1e3|s")
	f(Metric{Kind: Set, Value: num("1e3")}, "some.key:1000|s")
}

func TestAppendWritesTheSampleRate(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(kind Kind, rate Value, want string, wantRate float64) {
		t.Helper()
		check(t, e, Metric{Kind: kind, Name: []byte("k"), Value: num("5"), SampleRate: rate}, want, wantRate)
	}
	check(t, e, Metric{Name: []byte("k"), Value: num("5"), SampleRate: str("0.0001"), FromLine: true}, "k:5|c|@0.0001", 1)
	f(Count, num("0.1"), "k:5|c|@0.1", 0.1)
	f(Count, num("1e-4"), "k:5|c|@0.0001", 0.0001)
	f(Timing, str("25e-2"), "k:5|ms|@0.25", 0.25)
	f(Count, num("1"), "k:5|c", 1)
	f(Count, str("1.000"), "k:5|c", 1)
	f(Count, num("0.9999999999999999999999"), "k:5|c|@0.9999999999999999999999", 0.9999999999999999999999)
}

func TestAppendWritesInfluxDBTags(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(tags, want string) {
		t.Helper()
		check(t, e, Metric{Name: []byte("k"), Tags: pairs(tags), Value: num("1")}, want, 1)
	}
	f("", "k:1|c")
	f("env=prod", "k,env=prod:1|c")
	f("env=prod,locale=en-us", "k,env=prod,locale=en-us:1|c")
	f("env=prod,locale=en us", "k,env=prod,locale=en_us:1|c")
	f("a b=1.50,a=2", "k,a=2,a_b=1.50:1|c")
	f("a=a,aa=a", "k,a=a,aa=a:1|c")
	f("a=[b],c=~", "k,a=_b_,c=~:1|c")
	f("kлюч=значение", "k,kлюч=значение:1|c")
	check(t, e, Metric{Kind: Gauge, Name: []byte("k"), Tags: pairs("env=prod"), Value: num("-2")}, "k,env=prod:0|g\nk,env=prod:-2|g", 1)
}

func TestAppendReplacesBlanksInNames(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(name, want string) {
		t.Helper()
		check(t, e, Metric{Name: []byte(name)}, want+":0|c", 1)
	}
	f("a", "a")
	f("a b", "a_b")
	f("a \t\u00a0\u2003\u3000\ufeff\u2028b", "a_b")
	f(" a ", "_a_")
	f("a_ b", "a__b")
	f("a/b/c", "a/b/c")
	f("...", "...")
	f("päge.größe-日本", "päge.größe-日本")
	f(`"'<>&\{}()[]!?*+$%~^`+"`", `"'<>&\{}()__!?*+$%~^`+"`")
	f(strings.Repeat("n", MaxName), strings.Repeat("n", MaxName))
	f("a"+strings.Repeat(" ", 1000), "a_")
}

func TestDotJoinsPrefixAndName(t *testing.T) {
	f := func(prefix, want string) {
		t.Helper()
		check(t, newTestEncoder(t, Options{Prefix: prefix}), Metric{Name: []byte("some.key")}, want+":0|c", 1)
	}
	f("", "some.key")
	f("prefix.subprefix", "prefix.subprefix.some.key")
	f("prefix.", "prefix.some.key")
	f("prefix_", "prefix_some.key")
	f("prefix-", "prefix-some.key")
	f("p/", "p/some.key")
	f("v2", "v2.some.key")
	f("größe", "größe.some.key")
	f("my app", "my_app.some.key")
}

func TestNewEncoderRejectsBadPrefixes(t *testing.T) {
	for _, prefix := range []string{"a:b", "a|b", "a\nb", "a,b", "a=b", "a#", "\xff", "a\x00", strings.Repeat("p", MaxName-1)} {
		if _, err := NewEncoder(Options{Prefix: prefix, MaxLine: datagram}); err == nil || !strings.HasPrefix(err.Error(), "metric-prefix: ") {
			t.Errorf("NewEncoder with the prefix %.20q: %v", prefix, err)
		}
	}
	e := newTestEncoder(t, Options{Prefix: strings.Repeat("p", MaxName-2)})
	if got, err := appendOne(e, Metric{Name: []byte("n")}, nil); err != nil || len(got) != MaxName+len(":0|c") {
		t.Errorf("the longest prefix: %q, %v", got, err)
	}
}

func TestAppendRejectsBadMetrics(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(m Metric, want string) {
		t.Helper()
		if m.Name == nil {
			m.Name = []byte("k")
		}
		l := Lines{Bytes: []byte("before"), Ends: []int{len("before")}}
		_, err := e.Append(&l, &m, nil)
		if err == nil {
			t.Errorf("Append(%s %q) = %q, want an error with %q", m.Kind, m.Name, l.Bytes, want)
			return
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Append(%s %.20q) failed with %q, want %q in it", m.Kind, m.Name, err, want)
		}
		if string(l.Bytes) != "before" || len(l.Ends) != 1 {
			t.Errorf("Append(%s %.20q) failed, but wrote %q", m.Kind, m.Name, l.Bytes)
		}
		if len(err.Error()) > 300 {
			t.Errorf("the error has %d bytes: %.100s", len(err.Error()), err)
		}
	}
	name := func(name, want string) { t.Helper(); f(Metric{Name: []byte(name)}, want) }
	name("", "name is empty")
	for _, c := range ":|,;=#@" {
		name("a"+string(c)+"b", "reserved character '"+string(c)+"'")
	}
	for _, c := range "\n\r\x00\v\f\x1b\x7f\u0085\u009f" {
		name("a"+string(c)+"b", "control character U+00")
	}
	name("a\xffb", "not valid UTF-8")
	name("a\xe2\x82", "not valid UTF-8")
	name("a\xc0\x80", "not valid UTF-8")     // an overlong NUL
	name("a\xed\xa0\x80", "not valid UTF-8") // a surrogate
	name("a//b", "empty path segment")
	name("/a", "empty path segment")
	name("a/", "empty path segment")
	name(".", `path segment "."`)
	name("a/../b", `path segment ".."`)
	name(strings.Repeat("n", MaxName+1), "256 bytes")
	name(strings.Repeat("n", 100_000), "does not fit")

	value := func(kind Kind, value Value, want string) { t.Helper(); f(Metric{Kind: kind, Value: value}, want) }
	value(Count, str("x"), `parameter "value": "x" is not a number`)
	value(Count, str(""), `parameter "value": "" is not a number`)
	value(Count, str("5\n"), "is not a number")
	value(Count, num("1e99"), "larger than 2^63 - 1")
	value(Gauge, Value{}, `parameter "value" is missing`)
	value(Timing, num("-1"), `parameter "value": "-1" is negative`)
	value(Set, Value{}, `parameter "value" is missing`)
	value(Set, str(""), `parameter "value" is empty`)
	value(Set, str("a:b"), "reserved character ':'")
	value(Set, str("a|b"), "reserved character '|'")
	value(Set, str("a\nb"), "control character U+000A")
	value(Set, str("a\tb"), "control character U+0009")
	value(Set, str("\xff"), "not valid UTF-8")
	value(Set, num("1e99"), "larger than")
	value(Set, str(strings.Repeat("v", 2000)), "does not fit into one datagram of 1432 bytes")

	f(Metric{Kind: Timing, Time: num("-1")}, `parameter "time": "-1" is negative`)
	f(Metric{Kind: Timing, Time: num("1"), Value: num("1")}, `"value" and "time" exclude each other`)
	f(Metric{Kind: Gauge, Shift: num("1"), Value: num("1")}, `"value" and "shift" exclude each other`)
	f(Metric{Kind: Gauge, Shift: str("x")}, `parameter "shift": "x"`)
	f(Metric{Kind: Count, Shift: num("1")}, `parameter "shift" is for gauges`)
	f(Metric{Kind: Set, Value: str("a"), Time: num("1")}, `parameter "time" is for timings`)
	f(Metric{Kind: Count, Time: num("1")}, `parameter "time" is for timings`)
	f(Metric{Kind: Gauge, Value: num("1"), SampleRate: num("1")}, `parameter "sampleRate" is for counts and timings`)
	f(Metric{Kind: Set, Value: num("1"), SampleRate: num("1")}, `parameter "sampleRate"`)
	f(Metric{SampleRate: str("0.00009")}, `parameter "sampleRate": "0.00009" is not a number from 0.0001 to 1`)
	for _, rate := range []string{"0", "-0.5", "1.0000000000000000000000001", "2", "x", "", "1e-999", "1e-9", "0.00009999"} {
		f(Metric{SampleRate: str(rate)}, `parameter "sampleRate"`)
		f(Metric{SampleRate: str(rate), FromLine: true}, `parameter "sampleRate"`)
	}

	tags := func(tags, want string) { t.Helper(); f(Metric{Tags: pairs(tags)}, want) }
	tags("=prod", `the value "prod" has no key`)
	tags("a=b=c", "reserved character '='")
	tags("a=b:c", "reserved character ':'")
	tags("a|=b", "reserved character '|'")
	tags("a=b\nc", "control character")
	tags("a=\xff", "not valid UTF-8")
	tags("a=1,b=2,a=3", `the key "a" is given twice`)
	tags("a b=1,a_b=2", "is given twice")
	tags("k="+strings.Repeat("v", 2000), "does not fit")
	f(Metric{Tags: []Tag{tag("k", "a,b")}}, "reserved character ','")

	f(Metric{Kind: Histogram, Value: num("1")}, "the type histogram is not enabled")
	f(Metric{Kind: Distribution, Value: num("1")}, "the type distribution is not enabled")

	// Each of several values must be valid.
	f(Metric{Value: str("1"), More: []Value{str("2"), str("x")}}, `"x" is not a number`)
	f(Metric{Kind: Timing, Value: str("1"), More: []Value{str("-2")}}, "negative")

	// Each of the two lines of a negative gauge fits, but not both together.
	f(Metric{Kind: Gauge, Value: num("-1"), Tags: pairs("k=" + strings.Repeat("v", 800))}, "does not fit")
}

func TestALineCanFillADatagram(t *testing.T) {
	e := newTestEncoder(t, Options{})
	m := Metric{Kind: Set, Name: []byte("k"), Value: str(strings.Repeat("v", datagram-len("k:|s")))}
	var l Lines
	for range 2 {
		if _, err := e.Append(&l, &m, nil); err != nil {
			t.Error(err)
		}
	}
	if len(l.Bytes) != 2*datagram+1 {
		t.Errorf("two lines take %d bytes, want %d", len(l.Bytes), 2*datagram+1)
	}
	m.Value.Text = append(m.Value.Text, 'v')
	if _, err := e.Append(&l, &m, nil); err == nil {
		t.Error("Append accepted a line that is longer than a datagram")
	}
}
