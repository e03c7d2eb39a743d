//go:build !race

package metric

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// benchMetrics are typical metrics of pages.
func benchMetrics() map[string]*Metric {
	return map[string]*Metric{
		"count":  {Kind: Count, Name: []byte("some.key.name"), Value: num("100500")},
		"tagged": {Kind: Count, Name: []byte("some.key.name"), Value: str("1"), Tags: pairs("env=prod,locale=en-us")},
		"gauge":  {Kind: Gauge, Name: []byte("some key"), Value: num("-1.5e2")},
		"timing": {Kind: Timing, Name: []byte("größe"), Value: num("320"), SampleRate: num("0.1")},
		"set":    {Kind: Set, Name: []byte("some.key.name"), Value: str("alice")},
	}
}

// rareMetrics are metrics that need a path of their own through the encoder.
func rareMetrics() map[string]*Metric {
	return map[string]*Metric{
		"unsorted": {Kind: Count, Name: []byte("some.key.name"), Value: str("1"), Tags: pairs("locale=en-us,env=prod,größe=1,a b=2")},
		"longest":  {Kind: Count, Name: []byte("1" + strings.Repeat("a", MaxName-1)), Value: str("1")}, // an escape puts an underscore before it
		"dotless":  {Kind: Count, Name: []byte("constructo"), Value: str("1")},
		"values":   {Kind: Timing, Name: []byte("some.key"), FromLine: true, Value: str("1"), More: []Value{str("2"), str("3")}, Tags: pairs("env=prod")},
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	e := newTestEncoder(t, Options{Prefix: "prefix.subprefix"})
	l := Lines{Bytes: make([]byte, 0, 2*datagram), Ends: make([]int, 0, 8)}
	for name, m := range benchMetrics() {
		allocs := testing.AllocsPerRun(100, func() {
			l.Truncate(0)
			if _, err := e.Append(&l, m, nil); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// TestFlavorsAllocateNothing alternates two orders of tags, so that each one is
// sorted again.
func TestFlavorsAllocateNothing(t *testing.T) {
	for flavor := range flavors {
		e := newTestEncoder(t, Options{Flavor: Flavor(flavor), IsStream: true, Tags: pairs("env=dev,region=eu"),
			DenyMetrics: parsePatterns(t, "timers.*"), AllowTags: parsePatterns(t, "*")})
		l := Lines{Bytes: make([]byte, 0, 2*datagram), Ends: make([]int, 0, 8)}
		for name, m := range rareMetrics() {
			allocs := testing.AllocsPerRun(100, func() {
				l.Truncate(0)
				slices.Reverse(m.Tags)
				w, err := e.Append(&l, m, nil)
				if err != nil {
					t.Fatal(err)
				}
				for keys, ok := e.TagKeys(&w), true; ok; {
					_, ok = keys.Next()
				}
			})
			if allocs != 0 {
				t.Errorf("%s, %s: %v allocations", Flavor(flavor), name, allocs)
			}
		}
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	p, name := parsePatterns(t, "app.checkout", "web.*", "*.pa*ge.load"), []byte("some.page.load")
	if allocs := testing.AllocsPerRun(100, func() { p.Match(name) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkAppend(b *testing.B) {
	e := newTestEncoder(b, Options{Prefix: "prefix.subprefix"})
	l := Lines{Bytes: make([]byte, 0, 2*datagram), Ends: make([]int, 0, 8)}
	metrics := benchMetrics()
	maps.Copy(metrics, rareMetrics())
	for name, m := range metrics {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				l.Truncate(0)
				if _, err := e.Append(&l, m, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
