package metric

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"statsd-http-proxy/internal/wiretest"
)

func TestAppendWritesEachTagFormat(t *testing.T) {
	f := func(format, untagged, tagged, sampled, gauge string) {
		t.Helper()
		e := newTestEncoder(t, Options{TagFormat: format})
		tags := pairs("env=prod,locale=en us")
		check(t, e, Metric{Name: []byte("k"), Value: num("1")}, untagged, 1)
		check(t, e, Metric{Name: []byte("k"), Value: num("1"), Tags: tags}, tagged, 1)
		check(t, e, Metric{Name: []byte("k"), Value: num("1"), Tags: tags[:1], SampleRate: num("0.5")}, sampled, 0.5)
		check(t, e, Metric{Kind: Gauge, Name: []byte("k"), Value: num("-1"), Tags: tags[:1]}, gauge, 1)
	}
	f("influxdb", "k:1|c", "k,env=prod,locale=en_us:1|c", "k,env=prod:1|c|@0.5", "k,env=prod:0|g\nk,env=prod:-1|g")
	f("graphite", "k:1|c", "k;env=prod;locale=en_us:1|c", "k;env=prod:1|c|@0.5", "k;env=prod:0|g\nk;env=prod:-1|g")
	f("dogstatsd", "k:1|c", "k:1|c|#env:prod,locale:en_us", "k:1|c|@0.5|#env:prod", "k:0|g|#env:prod\nk:-1|g|#env:prod")
	f("librato", "k:1|c", "k#env=prod,locale=en_us:1|c", "k#env=prod:1|c|@0.5", "k#env=prod:0|g\nk#env=prod:-1|g")
	f("signalfx", "k:1|c", "k[env=prod,locale=en_us]:1|c", "k[env=prod]:1|c|@0.5", "k[env=prod]:0|g\nk[env=prod]:-1|g")
	f("none", "k:1|c", "k:1|c", "k:1|c|@0.5", "k:0|g\nk:-1|g")
}

// TestTagFormatsReserveCharacters checks that each format rejects its reserved
// characters, and accepts all others.
func TestTagFormatsReserveCharacters(t *testing.T) {
	rejects := func(format string, m Metric) bool {
		t.Helper()
		m.Value = num("1")
		var l Lines
		_, err := newTestEncoder(t, Options{TagFormat: format}).Append(&l, &m, nil)
		if err == nil {
			if _, err := wiretest.Parse(string(l.Bytes), format); err != nil {
				t.Error(err)
			}
		}
		return err != nil
	}
	for i := range tagFormats {
		format := tagFormats[i].name
		f := func(text string, inName, inKey, inValue bool) {
			t.Helper()
			if got := rejects(format, Metric{Name: []byte(text)}); got != inName {
				t.Errorf("%s: the name %q is rejected: %v", format, text, got)
			}
			if got := rejects(format, Metric{Name: []byte("k"), Tags: []Tag{tag(text, "v")}}); got != inKey {
				t.Errorf("%s: the key %q is rejected: %v", format, text, got)
			}
			if got := rejects(format, Metric{Name: []byte("k"), Tags: []Tag{tag("k", text)}}); got != inValue {
				t.Errorf("%s: the value %q is rejected: %v", format, text, got)
			}
		}
		for _, always := range []string{"a:", "a|", "a,", "a;", "a=", "a#", "a@", "a\n"} {
			f(always, true, true, true)
		}
		f("a[", format == "signalfx", format == "signalfx", format == "signalfx")
		f("a]", format == "signalfx", format == "signalfx", format == "signalfx")
		f("a!", false, format == "graphite", false)
		f("a^", false, format == "graphite", false)
		f("~a", false, false, format == "graphite")
		f("a~", false, false, false)
	}
}

func TestOwnTagsReplaceConfiguredTags(t *testing.T) {
	f := func(format, own, want string) {
		t.Helper()
		e := newTestEncoder(t, Options{TagFormat: format, Tags: pairs("env=prod,region=eu west"), Lowercase: true})
		check(t, e, Metric{Name: []byte("k"), Value: num("1"), Tags: pairs(own)}, want, 1)
	}
	f("influxdb", "", "k,env=prod,region=eu_west:1|c")
	f("influxdb", "a=b", "k,a=b,env=prod,region=eu_west:1|c")
	f("influxdb", "f=b,z=a", "k,env=prod,f=b,region=eu_west,z=a:1|c")
	f("influxdb", "region=,env=test", "k,env=test,region=eu_west:1|c")
	f("influxdb", "env=test", "k,env=test,region=eu_west:1|c")
	f("influxdb", "ENV=test", "k,env=test,region=eu_west:1|c")
	f("influxdb", "region=us,a=env,env=x", "k,a=env,env=x,region=us:1|c")
	f("influxdb", "xenv=y", "k,env=prod,region=eu_west,xenv=y:1|c")
	f("dogstatsd", "env=test", "k:1|c|#env:test,region:eu_west")
	f("signalfx", "", "k[env=prod,region=eu_west]:1|c")
	f("graphite", "b=env", "k;b=env;env=prod;region=eu_west:1|c")
	f("none", "a=b", "k:1|c")
}

func TestNewEncoderRejectsBadOptions(t *testing.T) {
	f := func(options Options, want string) {
		t.Helper()
		options.MaxLine = datagram
		if _, err := NewEncoder(options); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("NewEncoder(%+v): %v, want an error that begins with %q", options, err, want)
		}
	}
	f(Options{TagFormat: "nonsense"}, `tag-format: unknown tag format "nonsense"`)
	f(Options{NameFormat: "nonsense"}, `name-format: unknown name format "nonsense"`)
	f(Options{Tags: pairs("a=b,a=c")}, "tags: ")
	f(Options{Tags: pairs("a=b|c")}, "tags: ")
	f(Options{Tags: pairs("a=")}, "tags: ")
	f(Options{TagFormat: "signalfx", Prefix: "a["}, "metric-prefix: ")
}

func TestNameFormatReplacesCharacters(t *testing.T) {
	f := func(options Options, name, want string) {
		t.Helper()
		m := Metric{Name: []byte(name), Value: num("1"), Tags: pairs("Key=Välue/x")}
		check(t, newTestEncoder(t, options), m, want+":1|c", 1)
	}
	const tags, lower = ",Key=Välue/x", ",key=välue/x"
	f(Options{}, "My.Größe/a-b c", "My.Größe/a-b_c"+tags)
	f(Options{NameFormat: "graphite"}, "My.Größe/a-b c", "My.Gr__e_a-b_c"+tags)
	f(Options{NameFormat: "graphite"}, "a\u00a0 b(日本)", "a_b____"+tags)
	f(Options{NameFormat: "prometheus"}, "My.Größe/a-b c", "My_Gr__e_a_b_c"+tags)
	f(Options{NameFormat: "prometheus", Prefix: "pre.fix"}, "a", "pre_fix_a"+tags)
	f(Options{NameFormat: "prometheus", Prefix: "pre-"}, "a", "pre_a"+tags)
	f(Options{Lowercase: true, Prefix: "PRE"}, "My.GRÖSSE", "pre.my.grösse"+lower)
	f(Options{Lowercase: true, NameFormat: "graphite"}, "My.GRÖSSE", "my.gr_sse"+lower)

	m := Metric{Kind: Set, Name: []byte("K"), Value: str("Alice")}
	check(t, newTestEncoder(t, Options{Lowercase: true}), m, "k:Alice|s", 1)
	if _, err := newTestEncoder(t, Options{NameFormat: "graphite"}).Append(new(Lines), &Metric{Name: []byte("a:b")}, nil); err == nil {
		t.Error("Append replaced a reserved character instead of rejecting it")
	}
}

func TestHistogramsAreOptional(t *testing.T) {
	e := newTestEncoder(t, Options{Histograms: true})
	check(t, e, Metric{Kind: Histogram, Name: []byte("k"), Value: num("-1.50")}, "k:-1.5|h", 1)
	check(t, e, Metric{Kind: Distribution, Name: []byte("k"), Value: num("5"), SampleRate: num("0.5")}, "k:5|d|@0.5", 0.5)
	for kind, letters := range map[Kind]string{Histogram: "h", Distribution: "d"} {
		check(t, e, Metric{Kind: kind, Name: []byte("k")}, "k:0|"+letters, 1)
		check(t, e, Metric{Kind: kind, Name: []byte("k"), Time: num("320.0")}, "k:320|"+letters, 1)
		for _, m := range []Metric{{Time: num("-1")}, {Time: num("1"), Value: num("1")}, {Value: str("")}} {
			m.Kind, m.Name = kind, []byte("k")
			if _, err := e.Append(new(Lines), &m, nil); err == nil {
				t.Errorf("Append accepted a %s with value %q and time %q", kind, m.Value.Text, m.Time.Text)
			}
		}
	}
	for letters, want := range map[string]Kind{"c": Count, "g": Gauge, "ms": Timing, "s": Set, "h": Histogram, "d": Distribution} {
		if k, ok := ParseLetters([]byte(letters)); !ok || k != want || !e.Allows(k) {
			t.Errorf("ParseLetters(%q) = %v, %v", letters, k, ok)
		}
		if k, ok := ParseKind([]byte(want.String())); !ok || k != want || !strings.Contains(e.KindNames(), want.String()) {
			t.Errorf("ParseKind(%q) = %v, %v", want, k, ok)
		}
	}
	for _, letters := range []string{"", "x", "C", "msx", "m"} {
		if k, ok := ParseLetters([]byte(letters)); ok {
			t.Errorf("ParseLetters(%q) = %v", letters, k)
		}
	}
}

func TestSignsAndRatesInLines(t *testing.T) {
	e := newTestEncoder(t, Options{})
	f := func(m Metric, want string) {
		t.Helper()
		m.Name, m.FromLine = []byte("k"), true
		check(t, e, m, want, 1)
	}
	f(Metric{Kind: Gauge, Value: str("5")}, "k:5|g")
	f(Metric{Kind: Gauge, Value: str("-5")}, "k:-5|g")
	f(Metric{Kind: Gauge, Value: str("+5")}, "k:+5|g")
	f(Metric{Kind: Gauge, Value: str("-0")}, "k:+0|g")
	f(Metric{Kind: Count, Value: str("-5"), SampleRate: str("0.10")}, "k:-5|c|@0.1")
	f(Metric{Kind: Count, Value: str("5"), SampleRate: str("1")}, "k:5|c")

	// Each of several values becomes a line, and each line is a group.
	var l Lines
	m := Metric{Kind: Gauge, Name: []byte("k"), FromLine: true, Tags: pairs("a=b"), Value: str("1"), More: []Value{str("+2"), str("3.0")}}
	if _, err := e.Append(&l, &m, nil); err != nil {
		t.Fatal(err)
	}
	want := Lines{Bytes: []byte("k,a=b:1|g\nk,a=b:+2|g\nk,a=b:3|g"), Ends: []int{9, 20, 30}}
	if diff := cmp.Diff(want, l, cmpopts.IgnoreUnexported(Lines{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	l.Truncate(1)
	if diff := cmp.Diff(Lines{Bytes: []byte("k,a=b:1|g"), Ends: []int{9}}, l, cmpopts.IgnoreUnexported(Lines{})); diff != "" {
		t.Errorf("truncated (-want +got):\n%s", diff)
	}
}

// TestDocumentShowsNamesAsWritten compares the table of names in
// docs/statsd-servers.md with the encoder.
func TestDocumentShowsNamesAsWritten(t *testing.T) {
	document, err := os.ReadFile("../../docs/statsd-servers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(document), "| name | `any` | `graphite` | `prometheus` | `--lowercase` |\n| --- | --- | --- | --- | --- |\n")
	table, _, ok2 := strings.Cut(table, "\n\n")
	if !ok || !ok2 {
		t.Fatal("docs/statsd-servers.md has no table of names")
	}
	columns := []Options{{NameFormat: "any"}, {NameFormat: "graphite"}, {NameFormat: "prometheus"}, {Lowercase: true}}
	for row := range strings.SplitSeq(table, "\n") {
		cells := strings.Split(strings.Trim(row, "| "), " | ")
		if len(cells) != len(columns)+1 {
			t.Fatalf("the row %q has %d cells", row, len(cells))
		}
		name := strings.Trim(cells[0], "`")
		for i, options := range columns {
			m := Metric{Name: []byte(name), Value: num("1")}
			check(t, newTestEncoder(t, options), m, strings.Trim(cells[i+1], "`")+":1|c", 1)
		}
	}
}
