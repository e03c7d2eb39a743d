package metric

import (
	"strings"
	"testing"
)

// line returns the metric of a line with several values.
func line(kind Kind, tags, rate string, values ...string) Metric {
	m := Metric{Kind: kind, Name: []byte("k"), FromLine: true, Tags: pairs(tags), Value: str(values[0])}
	for _, value := range values[1:] {
		m.More = append(m.More, str(value))
	}
	if rate != "" {
		m.SampleRate = str(rate)
	}
	return m
}

func TestSeveralValuesShareALine(t *testing.T) {
	f := func(options Options, m Metric, want string) {
		t.Helper()
		if got, err := appendOne(newTestEncoder(t, options), m, nil); err != nil || got != want {
			t.Errorf("%+v: got %q, %v, want %q", options, got, err, want)
		}
	}
	counts := line(Count, "a=b", "", "1", "+2", "3.0")
	sampled := line(Timing, "", "0.5", "1", "2", "3")
	for _, options := range []Options{{}, {Flavor: FlavorVector, TagFormat: "influxdb"}, {Flavor: FlavorGostatsd, TagFormat: "influxdb"}} {
		f(options, counts, "k,a=b:1|c / k,a=b:2|c / k,a=b:3|c")
		f(options, sampled, "k:1|ms|@0.5 / k:2|ms|@0.5 / k:3|ms|@0.5")
	}
	for _, options := range []Options{{Flavor: FlavorEtsy, TagFormat: "graphite"}, {Flavor: FlavorStatsDExporter, TagFormat: "graphite"}} {
		f(options, counts, "k;a=b:1|c:2|c:3|c")
		f(options, sampled, "k:1|ms|@0.5:2|ms|@0.5:3|ms|@0.5")
	}
	f(Options{Flavor: FlavorEtsy, TagFormat: "dogstatsd"}, counts, "k:1|c:2|c:3|c|#a:b")
	// With datadog_extensions, Telegraf would read c:2 as a container ID.
	f(Options{Flavor: FlavorTelegraf}, counts, "k,a=b:1|c / k,a=b:2|c / k,a=b:3|c")
	f(Options{Flavor: FlavorTelegraf}, sampled, "k:1|ms|@0.5:2|ms|@0.5:3|ms|@0.5")
	f(Options{Flavor: FlavorTelegraf, TagFormat: "dogstatsd"}, line(Gauge, "a=b", "", "1", "+2"), "k:1|g:+2|g|#a:b")
	f(Options{Flavor: FlavorStatsDExporter}, counts, "k:1|c|#a:b / k:2|c|#a:b / k:3|c|#a:b")
	f(Options{Flavor: FlavorStatsDExporter}, sampled, "k:1|ms|@0.5:2|ms|@0.5:3|ms|@0.5")
	f(Options{Flavor: FlavorDatadog}, counts, "k:1:2:3|c|#a:b")
	f(Options{Flavor: FlavorDatadog}, sampled, "k:1:2:3|ms|@0.5")
	f(Options{Flavor: FlavorDatadog}, line(Set, "a=b", "", "x", "y"), "k:x|s|#a:b / k:y|s|#a:b")
	f(Options{Flavor: FlavorEtsy}, line(Set, "", "", "x", "y"), "k:x|s:y|s")
	f(Options{}, line(Gauge, "", "", "1", "+2", "-3"), "k:1|g / k:+2|g / k:-3|g")

	m := line(Count, "a=b", "", "1", "2")
	m.Extensions = [][]byte{[]byte("c:in-1"), []byte("T1656581400")}
	f(Options{Flavor: FlavorDatadog}, m, "k:1:2|c|#a:b|c:in-1|T1656581400")
	f(Options{Flavor: FlavorGostatsd}, m, "k:1|c|#a:b / k:2|c|#a:b")
	f(Options{Flavor: FlavorVector}, m, "k:1|c|#a:b / k:2|c|#a:b")
	f(Options{Flavor: FlavorStatsDExporter}, m, "k:1|c|#a:b / k:2|c|#a:b")
	f(Options{Flavor: FlavorTelegraf}, m, "k,a=b:1|c / k,a=b:2|c")
	f(Options{Flavor: FlavorEtsy}, m, "k:1|c:2|c")
	f(Options{}, m, "k,a=b:1|c / k,a=b:2|c")
}

func TestBadExtensionsAreRejected(t *testing.T) {
	for _, section := range []string{"c:a\x00", "e:\xff", "card:\u0085"} {
		m := line(Count, "", "", "1")
		m.Extensions = [][]byte{[]byte(section)}
		if got, err := appendOne(newTestEncoder(t, Options{Flavor: FlavorDatadog}), m, nil); err == nil || !strings.Contains(err.Error(), "the section") {
			t.Errorf("the section %q: %q, %v", section, got, err)
		}
	}
}

// TestLongLinesAreSplit checks that values that do not fit into a line begin
// another one.
func TestLongLinesAreSplit(t *testing.T) {
	values := strings.Fields(strings.Repeat("123456789 ", 20))
	f := func(options Options, kind Kind, tags string) {
		t.Helper()
		options.MaxLine = 60
		e, err := NewEncoder(options)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendOne(e, line(kind, tags, "", values...), nil)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(got, " / ")
		if n := strings.Count(got, "123456789"); n != len(values) || len(lines) < 2 || len(lines) > 8 {
			t.Errorf("%+v: %d values in %q", options, n, lines)
		}
		head, _, _ := strings.Cut(lines[0], ":")
		for _, text := range lines {
			if len(text) > 60 || !strings.HasPrefix(text, head+":123456789") || strings.HasSuffix(lines[0], "b") != strings.HasSuffix(text, "b") {
				t.Errorf("%+v: the line %q after %q", options, text, lines[0])
			}
		}
	}
	f(Options{Flavor: FlavorEtsy}, Count, "")
	f(Options{Flavor: FlavorTelegraf}, Timing, "a=b")
	f(Options{Flavor: FlavorTelegraf, TagFormat: "dogstatsd"}, Timing, "a=b")
	f(Options{Flavor: FlavorDatadog}, Count, "a=b")
}

func TestSeveralValuesMustNotGrow(t *testing.T) {
	f := func(options Options, name, tags string, values int, want bool) {
		t.Helper()
		m := line(Count, tags, "", strings.Fields(strings.Repeat("1 ", values))...)
		m.Name = []byte(name)
		_, err := appendOne(newTestEncoder(t, options), m, nil)
		if (err == nil) != want {
			t.Errorf("%+v: %d values of a name of %d bytes: %v", options, values, len(name), err)
		}
		if err != nil && !strings.Contains(err.Error(), "--statsd-flavor") {
			t.Errorf("the error %q does not name the option", err)
		}
	}
	long := strings.Repeat("n", 250)
	f(Options{}, long, "", 250, false)
	f(Options{Flavor: FlavorVector}, long, "", 250, false)
	f(Options{Flavor: FlavorEtsy}, long, "", 250, true)
	f(Options{Flavor: FlavorDatadog}, long, "", 250, true)
	f(Options{}, "n", "", 1000, true)
	f(Options{}, "n", "tag="+long, 250, false)

	// A name of 20 bytes and 13 values is 20 + 13*2 + 2 = 48 bytes. Each line has 24
	// bytes and a line feed between two.
	f(Options{}, strings.Repeat("n", 20), "", 13, true)
	f(Options{}, strings.Repeat("n", 100), "", 8, true)   // 118 bytes become 839
	f(Options{}, strings.Repeat("n", 100), "", 10, false) // 122 bytes become 1049

	// Prefixes and configured tags do not count.
	f(Options{Prefix: long[:200], Tags: pairs("region=" + long)}, "n", "", 100, true)
	f(Options{Prefix: long[:200], Tags: pairs("region=" + long), TagFormat: "dogstatsd"}, "n", "a=b", 10, true)
	f(Options{Flavor: FlavorVector, Tags: pairs("region=" + long)}, "n", "z=b", 10, true)
}

func TestWrittenCountsRepeats(t *testing.T) {
	f := func(flavor Flavor, m Metric, want float64) {
		t.Helper()
		w, err := newTestEncoder(t, Options{Flavor: flavor, Histograms: true}).Append(new(Lines), &m, nil)
		if err != nil || w.Repeats != want {
			t.Errorf("%s: %d repeats, %v, want %v", flavor, int(w.Repeats), err, want)
		}
	}
	for _, flavor := range []Flavor{FlavorNone, FlavorStatsDExporter} {
		f(flavor, line(Timing, "", "0.0001", "1"), 10000)
		f(flavor, line(Timing, "", "0.1", "1", "2", "3"), 30)
		f(flavor, line(Timing, "", "", "1"), 1)
		f(flavor, line(Histogram, "", "0.5", "1"), 2)
		f(flavor, line(Count, "", "0.0001", "1"), 0)
		f(flavor, Metric{Kind: Timing, Name: []byte("k"), SampleRate: num("0.25")}, 4)
	}
	f(FlavorTelegraf, line(Timing, "", "0.0001", "1"), 10000)
	for _, flavor := range []Flavor{FlavorEtsy, FlavorGostatsd, FlavorDatadog, FlavorVector} {
		f(flavor, line(Timing, "", "0.0001", "1"), 0)
	}
}
