//go:build !race

package metric

import "testing"

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

func TestMatchAllocatesNothing(t *testing.T) {
	p, name := parsePatterns(t, "app.checkout", "web.*", "*.pa*ge.load"), []byte("some.page.load")
	if allocs := testing.AllocsPerRun(100, func() { p.Match(name) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkAppend(b *testing.B) {
	e := newTestEncoder(b, Options{Prefix: "prefix.subprefix"})
	l := Lines{Bytes: make([]byte, 0, 2*datagram), Ends: make([]int, 0, 8)}
	for name, m := range benchMetrics() {
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
