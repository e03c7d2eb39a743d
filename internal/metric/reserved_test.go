package metric

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/statsd_exporter/pkg/mapper"
)

// accepts reports whether e accepts a metric of the given kind. It fails the test
// if a rejection does not say that something is reserved or not supported.
func accepts(t *testing.T, e *Encoder, kind Kind, name, tags string) bool {
	t.Helper()
	m := Metric{Kind: kind, Name: []byte(name), Value: str("1"), Tags: pairs(tags)}
	_, err := appendOne(e, m, nil)
	if err != nil && !strings.Contains(err.Error(), "reserved") && !strings.Contains(err.Error(), "is lost in") {
		t.Errorf("%s %q with the tags %q: %v", kind, name, tags, err)
	}
	return err == nil
}

func TestPropertiesOfObjectsAreReserved(t *testing.T) {
	properties := strings.Fields("constructor __proto__ __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ " +
		"hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf")
	for flavor := range flavors {
		e := newTestEncoder(t, Options{Flavor: Flavor(flavor)})
		for _, name := range properties {
			for _, written := range []string{name, name + "!", "é" + name, "{" + name + "}", name[:3] + "*" + name[3:], name + "日本"} {
				if accepts(t, e, Timing, written, "") {
					t.Errorf("%s: the name %q is accepted", Flavor(flavor), written)
				}
				if !accepts(t, e, Timing, "web."+written, "") {
					t.Errorf("%s: the name web.%q is rejected", Flavor(flavor), written)
				}
			}
			if Flavor(flavor) == FlavorGostatsd && name[0] == '_' {
				continue
			}
			if !accepts(t, e, Timing, name+"s", "") || !accepts(t, e, Timing, name+"/a", "") || !accepts(t, e, Timing, name+"0", "") {
				t.Errorf("%s: names that begin with %q are rejected", Flavor(flavor), name)
			}
		}
	}
	f := func(options Options, name, tags string, want bool) {
		t.Helper()
		if got := accepts(t, newTestEncoder(t, options), Timing, name, tags); got != want {
			t.Errorf("%+v: the name %q is accepted: %v, want %v", options, name, got, want)
		}
	}
	f(Options{Prefix: "__"}, "proto__", "", false)
	f(Options{Prefix: "to"}, "String", "", true)
	f(Options{Prefix: "to!"}, "String", "", false)
	f(Options{Prefix: "app"}, "constructor", "", true)
	f(Options{}, "constructor", "a=b", false)
	f(Options{}, "to String", "", true) // to_String
	f(Options{}, "__proto _", "", false)
	f(Options{Lowercase: true}, "toString", "", true)
	f(Options{Lowercase: true}, "Constructor", "", false)

	e := newTestEncoder(t, Options{})
	scope := &Scope{Kinds: AllKinds, Prefix: []byte("value!")}
	if got, err := appendOne(e, Metric{Name: []byte("Of")}, scope); err == nil {
		t.Errorf("the prefix of a token completes valueOf, but the line is %q", got)
	}
}

func TestTagKeysAreReserved(t *testing.T) {
	f := func(options Options, key string, want bool) {
		t.Helper()
		for i := range tagFormats {
			options.TagFormat = tagFormats[i].name
			if got := accepts(t, newTestEncoder(t, options), Timing, "web.load", key+"=5"); got != want {
				t.Errorf("%+v: the key %q is accepted: %v, want %v", options, key, got, want)
			}
		}
	}
	for flavor := range flavors {
		options := Options{Flavor: Flavor(flavor)}
		for _, key := range []string{"__", "__name__", "__a", "-_name__", "._a", "é_a", "éé", "_ a", "gsd_histogram", "--a", "ключ"} {
			f(options, key, false)
		}
		for _, key := range []string{"_", "_a", "é", "éa", "-a", ".a", "a__", "a_b", "1a", "gsd_histograms", "quantiles", "les"} {
			f(options, key, true)
		}
		for _, c := range "/0aAzZ9[`{!*é" { // all but letters and digits become underscores
			f(options, "_"+string(c)+"x", strings.ContainsRune("0aAzZ9", c))
		}
		takesQuantile := flavor != int(FlavorNone) && flavor != int(FlavorStatsDExporter)
		f(options, "quantile", takesQuantile)
		f(options, "le", takesQuantile)
		f(options, "Le", true)
		f(options, "host", flavor != int(FlavorTelegraf) && flavor != int(FlavorGostatsd))
	}
	f(Options{Lowercase: true}, "QUANTILE", false)
	f(Options{IsStream: true}, "aé", true)
	f(Options{Flavor: FlavorTelegraf, AllowTags: parsePatterns(t, "env", "host")}, "host", true)
	f(Options{Flavor: FlavorGostatsd, AllowTags: parsePatterns(t, "*")}, "host", false)

	for _, flavor := range []Flavor{FlavorTelegraf, FlavorGostatsd} { // the operator may name the host
		if _, err := NewEncoder(Options{MaxLine: datagram, Flavor: flavor, Tags: pairs("host=a")}); err != nil {
			t.Error(err)
		}
	}
	for _, key := range []string{"__a", "quantile", "gsd_histogram"} {
		if _, err := NewEncoder(Options{MaxLine: datagram, Tags: pairs(key + "=a")}); err == nil || !strings.HasPrefix(err.Error(), "tags: ") {
			t.Errorf("NewEncoder with the tag %q: %v", key, err)
		}
	}
}

func TestFlavorsReserveNames(t *testing.T) {
	f := func(flavor Flavor, kind Kind, name string, want bool) {
		t.Helper()
		if got := accepts(t, newTestEncoder(t, Options{Flavor: flavor}), kind, name, ""); got != want {
			t.Errorf("%s: the %s %q is accepted: %v, want %v", flavor, kind, name, got, want)
		}
	}
	for _, name := range []string{"go_goroutines", "go.goroutines", "go--x", "process_a", "process-cpu", "promhttp_x", "statsd_exporter_x", "statsd.exporter.x", "statsd exporter/x"} {
		f(FlavorStatsDExporter, Gauge, name, false)
		f(FlavorNone, Gauge, name, true)
	}
	for _, name := range []string{"go", "gox_y", "processes.a", "statsd.x", "_go.x", "app.go_goroutines", "1go_"} {
		f(FlavorStatsDExporter, Gauge, name, true)
	}
	for _, name := range []string{"api.latency.count", "api_sum", "api.é_bucket", "api--bucket", "a/sum"} {
		for _, kind := range []Kind{Timing, Histogram, Distribution} {
			f(FlavorStatsDExporter, kind, name, false)
		}
		f(FlavorStatsDExporter, Count, name, true)
		f(FlavorStatsDExporter, Gauge, name, true)
		f(FlavorTelegraf, Timing, name, true)
	}
	f(FlavorStatsDExporter, Timing, "api.counts", true)
	f(FlavorStatsDExporter, Timing, "discount", true)

	f(FlavorTelegraf, Count, "job.start_time", false)
	f(FlavorTelegraf, Count, "start_time", false)
	f(FlavorTelegraf, Count, "start_time.job", false)
	f(FlavorTelegraf, Count, "a.start time.job", false)
	f(FlavorTelegraf, Count, "job.sta!rté_time", false)
	f(FlavorTelegraf, Count, "job.start_times", true)
	f(FlavorTelegraf, Count, "job.restart_time.x", true)
	f(FlavorNone, Count, "job.start_time", true)

	f(FlavorGostatsd, Count, "_a", false)
	f(FlavorGostatsd, Count, " a", false)
	f(FlavorGostatsd, Count, "123", false)
	f(FlavorGostatsd, Count, "größe", true)
	f(FlavorGostatsd, Count, "日本", false)
	f(FlavorGostatsd, Count, "a_", true)
	f(FlavorNone, Count, "_a", true)
	for _, name := range []string{"a", "z", "A", "Z", "1a"} {
		f(FlavorGostatsd, Count, name, true)
	}
	for _, name := range []string{"`", "{", "[", "0", "9", "-", "é"} {
		f(FlavorGostatsd, Count, name, false)
	}

	prefix := func(flavor Flavor, prefix string, want bool) {
		t.Helper()
		_, err := NewEncoder(Options{MaxLine: datagram, Flavor: flavor, Prefix: prefix})
		if (err == nil) != want || err != nil && !strings.HasPrefix(err.Error(), `metric-prefix: "`+prefix+`" `) {
			t.Errorf("%s: the prefix %q: %v", flavor, prefix, err)
		}
	}
	prefix(FlavorStatsDExporter, "go", false)
	prefix(FlavorStatsDExporter, "go_", false)
	prefix(FlavorStatsDExporter, "gox", true)
	prefix(FlavorTelegraf, "start_time", false)
	prefix(FlavorTelegraf, "a.start time.b_", false)
	prefix(FlavorTelegraf, "start_time_", true)
	prefix(FlavorGostatsd, "_a", false)
	prefix(FlavorGostatsd, "1", true)
	prefix(FlavorNone, "_a.start_time", true)
	prefix(FlavorEtsy, "__proto__", true)
	if !accepts(t, newTestEncoder(t, Options{Flavor: FlavorStatsDExporter, Prefix: "app"}), Gauge, "go_goroutines", "") {
		t.Error("a name after a prefix is reserved")
	}
}

func TestTelegrafDropsSignedSetValues(t *testing.T) {
	f := func(flavor Flavor, value Value, want bool) {
		t.Helper()
		_, err := appendOne(newTestEncoder(t, Options{Flavor: flavor}), Metric{Kind: Set, Name: []byte("k"), Value: value}, nil)
		if (err == nil) != want {
			t.Errorf("%s: the value %q: %v", flavor, value.Text, err)
		}
	}
	for _, value := range []string{"-", "+", "-a", "+1"} {
		f(FlavorTelegraf, str(value), false)
		f(FlavorNone, str(value), true)
	}
	f(FlavorTelegraf, num("-1"), false)
	f(FlavorTelegraf, num("1"), true)
	f(FlavorTelegraf, str("a-b"), true)
}

func TestPatternsAllowTagKeys(t *testing.T) {
	f := func(options Options, scope *Scope, tags string, want bool) {
		t.Helper()
		m := Metric{Name: []byte("web.load"), Tags: pairs(tags)}
		_, err := appendOne(newTestEncoder(t, options), m, scope)
		var forbidden *ForbiddenError
		if (err == nil) != want || err != nil && !errors.As(err, &forbidden) {
			t.Errorf("%+v, %+v: the tags %q: %v", options, scope, tags, err)
		}
	}
	some := Options{AllowTags: parsePatterns(t, "env", "page*")}
	f(some, nil, "", true)
	f(some, nil, "env=a,page=b,page_x=c", true)
	f(some, nil, "env=a,user=b", false)
	f(some, nil, "user=", true) // left out
	f(some, nil, "page x=c", true)
	f(Options{AllowTags: Patterns{}}, nil, "env=a", false)
	f(Options{AllowTags: parsePatterns(t, "env"), Tags: pairs("region=eu")}, nil, "env=a", true)
	f(Options{AllowTags: parsePatterns(t, "env"), TagFormat: "none"}, nil, "user=a", false)

	token := &Scope{Kinds: AllKinds, Tags: parsePatterns(t, "env")}
	f(Options{}, token, "env=a", true)
	f(Options{}, token, "page=a", false)
	f(some, token, "page=a", false)
	f(Options{}, &Scope{Kinds: AllKinds}, "page=a", true)
	f(Options{}, &Scope{Kinds: AllKinds, Tags: Patterns{}}, "page=a", false)
}

func TestDenyMetricsForbidsNames(t *testing.T) {
	e := newTestEncoder(t, Options{Prefix: "site", DenyMetrics: parsePatterns(t, "timers.*", "go_*", "exact", "a-b", "Az09_.-x", "_1_go")})
	f := func(name string, want bool) {
		t.Helper()
		_, err := appendOne(e, Metric{Name: []byte(name)}, nil)
		var forbidden *ForbiddenError
		if (err == nil) != want || err != nil && !errors.As(err, &forbidden) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	f("timers.api", false)
	f("ti!mers.api", false)
	f("timersé.api", false)
	f("go.routines", false)
	f("exact", false)
	f("exact!", false)
	f("exactly", true)
	f("a/b", false) // Etsy StatsD stores a-b
	f("a-!b", false)
	f("a_b", true)
	f("Az09_.-x", false)
	f("Az09_.-y", true)
	f("1go_", true)
	f("1/go", false) // statsd_exporter stores _1_go
	f("site.timers.api", true)
	f("web.timers.api", true)
}

// FuzzEscape compares appendEscaped with statsd_exporter.
func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "a.b", "1a", "--a", "a---b", "é_a", "_é", "a-\u2028-b"} {
		f.Add(seed)
	}
	for b := range rune(128) {
		f.Add(string(b))
		f.Add(string(b) + "_a")
		f.Add("a" + string(b) + "b" + string(b))
	}
	f.Fuzz(func(t *testing.T, name string) {
		if strings.ToValidUTF8(name, "") != name {
			return
		}
		want := mapper.EscapeMetricName(name)
		if got := string(appendEscaped(nil, []byte(name))); got != want {
			t.Fatalf("%q is escaped as %q, statsd_exporter writes %q", name, got, want)
		}
		if name != "" && strings.HasPrefix(want, "__") && !startsWithUnderscores([]byte(name)) {
			t.Fatalf("%q is escaped as %q", name, want)
		}
	})
}
