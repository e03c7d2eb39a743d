package metric

import (
	"strings"
	"testing"
)

// appendOne appends m with new Lines and returns them as text. A slash separates
// the groups.
func appendOne(e *Encoder, m Metric, scope *Scope) (string, error) {
	var l Lines
	if _, err := e.Append(&l, &m, scope); err != nil {
		return "", err
	}
	var groups []string
	start := 0
	for _, end := range l.Ends {
		groups = append(groups, string(l.Bytes[start:end]))
		start = end + 1
	}
	return strings.Join(groups, " / "), nil
}

func TestParseFlavor(t *testing.T) {
	for _, name := range []string{"none", "etsy", "telegraf", "statsd-exporter", "gostatsd", "datadog", "vector"} {
		if f, err := ParseFlavor(name); err != nil || f.String() != name {
			t.Errorf("ParseFlavor(%q) = %s, %v", name, f, err)
		}
	}
	if f, err := ParseFlavor(""); err != nil || f != FlavorNone {
		t.Errorf(`ParseFlavor("") = %s, %v`, f, err)
	}
	for _, name := range []string{"Etsy", "statsd", "influxdb", " "} {
		if f, err := ParseFlavor(name); err == nil || !strings.Contains(err.Error(), "statsd-exporter") {
			t.Errorf("ParseFlavor(%q) = %s, %v", name, f, err)
		}
	}
}

// TestFlavorsWriteTagsAndGauges checks the tag format and the form of a negative
// gauge of each flavor.
func TestFlavorsWriteTagsAndGauges(t *testing.T) {
	f := func(options Options, count, gauge string) {
		t.Helper()
		e := newTestEncoder(t, options)
		for want, m := range map[string]Metric{
			count: {Name: []byte("k"), Value: num("1"), Tags: pairs("b=2,a=1")},
			gauge: {Kind: Gauge, Name: []byte("k"), Value: num("-5"), Tags: pairs("a=1")},
		} {
			if got, err := appendOne(e, m, nil); err != nil || got != want {
				t.Errorf("%+v: the %s becomes %q, %v, want %q", options, m.Kind, got, err, want)
			}
		}
	}
	f(Options{}, "k,a=1,b=2:1|c", "k,a=1:0|g\nk,a=1:-5|g")
	f(Options{IsStream: true}, "k,a=1,b=2:1|c", "k,a=1:0|g:-5|g")
	f(Options{IsStream: true, TagFormat: "dogstatsd"}, "k:1|c|#a:1,b:2", "k:0|g|#a:1\nk:-5|g|#a:1")
	f(Options{Flavor: FlavorEtsy}, "k:1|c", "k:0|g\nk:-5|g")
	f(Options{Flavor: FlavorEtsy, IsStream: true}, "k:1|c", "k:0|g\nk:-5|g")
	f(Options{Flavor: FlavorEtsy, TagFormat: "graphite"}, "k;a=1;b=2:1|c", "k;a=1:0|g\nk;a=1:-5|g")
	f(Options{Flavor: FlavorTelegraf}, "k,a=1,b=2:1|c", "k,a=1:0|g:-5|g")
	f(Options{Flavor: FlavorTelegraf, TagFormat: "dogstatsd"}, "k:1|c|#a:1,b:2", "k:0|g:-5|g|#a:1")
	f(Options{Flavor: FlavorStatsDExporter}, "k:1|c|#a:1,b:2", "k:0|g|#a:1\nk:-5|g|#a:1")
	f(Options{Flavor: FlavorStatsDExporter, TagFormat: "none"}, "k:1|c", "k:0|g:-5|g")
	f(Options{Flavor: FlavorStatsDExporter, TagFormat: "librato"}, "k#a=1,b=2:1|c", "k#a=1:0|g:-5|g")
	f(Options{Flavor: FlavorGostatsd}, "k:1|c|#a:1,b:2", "k:-5|g|#a:1")
	f(Options{Flavor: FlavorDatadog}, "k:1|c|#a:1,b:2", "k:-5|g|#a:1")
	f(Options{Flavor: FlavorVector}, "k:1|c|#a:1,b:2", "k:0|g|#a:1\nk:-5|g|#a:1")
}

// TestLinesSetNegativeGauges checks a gauge that two lines set to a negative value.
func TestLinesSetNegativeGauges(t *testing.T) {
	f := func(options Options, value, want string) {
		t.Helper()
		m := line(Gauge, "", "", value)
		m.IsAbsolute = true
		if got, err := appendOne(newTestEncoder(t, options), m, nil); err != nil || got != want {
			t.Errorf("%+v: the value %s becomes %q, %v, want %q", options, value, got, err, want)
		}
	}
	f(Options{}, "-5", "k:0|g\nk:-5|g")
	f(Options{IsStream: true}, "-5", "k:0|g:-5|g")
	f(Options{Flavor: FlavorTelegraf}, "-5.50", "k:0|g:-5.5|g")
	f(Options{Flavor: FlavorDatadog}, "-5", "k:-5|g")
	f(Options{Flavor: FlavorGostatsd}, "-5", "k:-5|g")
	f(Options{}, "-0", "k:0|g")
}

// TestLineAfterZeroCompletesItsGroup appends two lines that set a gauge to a
// negative value, with another line before them.
func TestLineAfterZeroCompletesItsGroup(t *testing.T) {
	f := func(options Options, between bool, want string) {
		t.Helper()
		e := newTestEncoder(t, options)
		zero, negative := line(Gauge, "a=b", "", "0"), line(Gauge, "a=b", "", "-5")
		negative.IsAbsolute = true
		metrics := []Metric{line(Count, "", "", "1"), zero, negative}
		if between {
			metrics = []Metric{zero, line(Count, "", "", "1"), negative}
		}
		var l Lines
		for i := range metrics {
			w, err := e.Append(&l, &metrics[i], nil)
			if err != nil {
				t.Fatal(err)
			}
			keys := e.TagKeys(&w)
			if key, ok := keys.Next(); ok != (len(metrics[i].Tags) > 0) || ok && string(key) != "a" || w.Name[0] != 'k' {
				t.Errorf("%+v: the series is %q %q", options, w.Name, w.Tags)
			}
		}
		var groups []string
		start := 0
		for _, end := range l.Ends {
			groups = append(groups, string(l.Bytes[start:end]))
			start = end + 1
		}
		if got := strings.Join(groups, " / "); got != want || start != len(l.Bytes)+1 {
			t.Errorf("%+v: got %q, want %q", options, got, want)
		}
	}
	f(Options{}, false, "k:1|c / k,a=b:0|g\nk,a=b:-5|g")
	f(Options{}, true, "k,a=b:0|g / k:1|c / k,a=b:0|g\nk,a=b:-5|g")
	f(Options{IsStream: true}, false, "k:1|c / k,a=b:0|g:-5|g")
	f(Options{TagFormat: "dogstatsd", Flavor: FlavorTelegraf}, false, "k:1|c / k:0|g:-5|g|#a:b")
	f(Options{TagFormat: "dogstatsd", Flavor: FlavorVector}, false, "k:1|c / k:0|g|#a:b\nk:-5|g|#a:b")
	// gostatsd would keep the first of two values in a datagram.
	f(Options{Flavor: FlavorGostatsd}, false, "k:1|c / k:-5|g|#a:b")
	f(Options{Flavor: FlavorDatadog}, false, "k:1|c / k:-5|g|#a:b")
	f(Options{Flavor: FlavorDatadog}, true, "k:0|g|#a:b / k:1|c / k:-5|g|#a:b")
}

// TestNegativeGaugeMustFitIntoAPacket checks the group of both values.
func TestNegativeGaugeMustFitIntoAPacket(t *testing.T) {
	f := func(flavor Flavor, maxLine int, want bool) {
		t.Helper()
		e, err := NewEncoder(Options{Flavor: flavor, MaxLine: maxLine, TagFormat: "influxdb"})
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendOne(e, Metric{Kind: Gauge, Name: []byte("name"), Value: num("-5")}, nil)
		if (err == nil) != want {
			t.Errorf("%s with packets of %d bytes: %q, %v", flavor, maxLine, got, err)
		}
	}
	f(FlavorEtsy, len("name:0|g\nname:-5|g"), true)
	f(FlavorEtsy, len("name:0|g\nname:-5|g")-1, false)
	f(FlavorTelegraf, len("name:0|g:-5|g"), true)
	f(FlavorTelegraf, len("name:0|g:-5|g")-1, false)
	f(FlavorDatadog, len("name:-5|g"), true)
}

// TestFlavorsRejectUnknownTypes checks which types and shifts each server knows,
// and that errors name the option and the server.
func TestFlavorsRejectUnknownTypes(t *testing.T) {
	f := func(flavor Flavor, histograms bool, accepted string) {
		t.Helper()
		e := newTestEncoder(t, Options{Flavor: flavor, Histograms: histograms})
		for name, m := range map[string]Metric{
			"count": {Kind: Count, Value: num("1")}, "gauge": {Kind: Gauge, Value: num("1")}, "timing": {Kind: Timing, Value: num("1")},
			"set": {Kind: Set, Value: str("a")}, "histogram": {Kind: Histogram, Value: num("1")},
			"distribution": {Kind: Distribution, Value: num("1")}, "shift": {Kind: Gauge, Shift: num("1")},
			"sign": {Kind: Gauge, Value: str("-1"), FromLine: true},
		} {
			m.Name = []byte("k")
			_, err := appendOne(e, m, nil)
			want := strings.Contains(accepted+" ", " "+name+" ")
			if (err == nil) != want {
				t.Errorf("%s, histograms %v: a %s gives %v", flavor, histograms, name, err)
			}
			if err != nil && flavor != FlavorNone && (!strings.Contains(err.Error(), "--statsd-flavor="+flavor.String()) || !strings.Contains(err.Error(), flavors[flavor].server)) {
				t.Errorf("%s: the error for a %s is %q", flavor, name, err)
			}
			if text := map[string]string{"shift": `the parameter "shift"`, "sign": `such as "-1"`}[name]; err != nil && !strings.Contains(err.Error(), text) {
				t.Errorf("%s: the error for a %s is %q", flavor, name, err)
			}
			if !e.Allows(m.Kind) && flavor != FlavorNone {
				t.Errorf("%s does not allow the type %s", flavor, m.Kind)
			}
			if listed := strings.Contains(e.KindNames(), m.Kind.String()); name == m.Kind.String() && listed != want {
				t.Errorf("%s: KindNames is %q", flavor, e.KindNames())
			}
		}
	}
	const basic = " count gauge timing"
	f(FlavorNone, false, basic+" set shift sign")
	f(FlavorNone, true, basic+" set shift sign histogram distribution")
	f(FlavorEtsy, false, basic+" set shift sign")
	f(FlavorEtsy, true, basic+" set shift sign histogram distribution")
	f(FlavorTelegraf, false, basic+" set shift sign histogram distribution")
	f(FlavorStatsDExporter, false, basic+" shift sign histogram distribution")
	f(FlavorGostatsd, false, basic+" set histogram")
	f(FlavorGostatsd, true, basic+" set histogram")
	f(FlavorDatadog, false, basic+" set histogram distribution")
	f(FlavorVector, false, basic+" set shift sign histogram distribution")
}

// TestFlavorsReplaceCharacters checks which characters become underscores because
// they would crash a server or could write other metrics.
func TestFlavorsReplaceCharacters(t *testing.T) {
	f := func(options Options, want string) {
		t.Helper()
		e := newTestEncoder(t, options)
		m := Metric{Kind: Set, Name: []byte("a[b]é"), Value: str("ü[]"), Tags: pairs("k[]é=v]é[")}
		if got, err := appendOne(e, m, nil); err != nil || got != want {
			t.Errorf("%+v: got %q, %v, want %q", options, got, err, want)
		}
	}
	f(Options{}, "a_b_é,k__é=v_é_:ü[]|s")
	f(Options{TagFormat: "librato"}, "a_b_é#k__é=v_é_:ü[]|s")
	f(Options{TagFormat: "graphite"}, "a_b_é;k[]é=v]é[:ü[]|s")
	f(Options{TagFormat: "dogstatsd"}, "a_b_é:ü[]|s|#k[]é:v]é[")
	f(Options{IsStream: true}, "a_b___,k____=v____:__[]|s")
	f(Options{IsStream: true, NameFormat: "graphite"}, "a_b__,k____=v____:__[]|s")
	f(Options{Flavor: FlavorEtsy}, "a[b]é:ü[]|s")
	f(Options{Flavor: FlavorEtsy, IsStream: true, TagFormat: "influxdb"}, "a[b]__,k[]__=v]__[:__[]|s")
	f(Options{Flavor: FlavorTelegraf, IsStream: true}, "a[b]é,k[]é=v]é[:ü[]|s")
	f(Options{Flavor: FlavorDatadog, IsStream: true}, "a[b]é:ü[]|s|#k[]é:v]é[")

	var e *Encoder
	for format, want := range map[string]string{ // statsd_exporter looks for brackets in all that precedes the value
		"influxdb": "a_b_,e=_x_:0|c",
		"graphite": "a_b_;e=_x_:0|c",
		"none":     "a_b_:0|c",
	} {
		e = newTestEncoder(t, Options{Flavor: FlavorStatsDExporter, TagFormat: format})
		if got, err := appendOne(e, Metric{Name: []byte("a[b["), Tags: pairs("e=]x[")}, nil); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", format, got, err, want)
		}
	}
	// À ends in the byte 80, the first one that is not ASCII.
	e = newTestEncoder(t, Options{IsStream: true})
	if got, err := appendOne(e, Metric{Kind: Set, Name: []byte("À~"), Value: str("À~")}, nil); err != nil || got != "__~:__~|s" {
		t.Errorf("got %q, %v", got, err)
	}
	// C4 8A, read as ASCII, would be a D and a line feed.
	e = newTestEncoder(t, Options{IsStream: true, Prefix: "größe"})
	if got, err := appendOne(e, Metric{Name: []byte("web.Ċadmin")}, nil); err != nil || got != "gr____e.web.__admin:0|c" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := appendOne(e, Metric{Name: []byte("web.\xc4")}, nil); err == nil {
		t.Error("Append accepted a name that is not valid UTF-8")
	}
}
