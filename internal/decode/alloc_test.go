//go:build !race

package decode

import (
	"testing"

	"statsd-http-proxy/internal/metric"
)

var benchBodies = []struct {
	name   string
	body   []byte
	decode func(*Decoder, *metric.Metric, []byte) error
}{
	{"json", []byte(`{"value":100500}`), (*Decoder).JSON},
	{"json-tags", []byte(`{"value":100500,"tags":"env=prod,locale=en-us"}`), (*Decoder).JSON},
	{"json-object", []byte(`{"value":100500,"tags":{"env":"prod","locale":"en\u002dus"}}`), (*Decoder).JSON},
	{"form", []byte(`value=100500`), (*Decoder).Form},
	{"form-tags", []byte(`value=100500&tags=env%3Dprod%2Clocale%3Den-us`), (*Decoder).Form},
	{"query", []byte(`value=100500&token=abc`), (*Decoder).Query},
}

func TestDecodingAllocatesNothing(t *testing.T) {
	var d Decoder
	var m metric.Metric
	for _, b := range benchBodies {
		allocs := testing.AllocsPerRun(100, func() {
			m.Reset()
			if err := b.decode(&d, &m, b.body); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", b.name, allocs)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var d Decoder
	var m metric.Metric
	for _, c := range benchBodies {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Reset()
				if err := c.decode(&d, &m, c.body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
