//go:build !race

package http1

import (
	"testing"

	"statsd-http-proxy/internal/exchange"
)

func TestParsingAHeadAllocatesNothing(t *testing.T) {
	var q exchange.Request
	head := []byte(browserHead)
	allocs := testing.AllocsPerRun(100, func() {
		var p HeadParser
		if length, herr := p.Parse(head, &q); length != len(head) {
			t.Fatal(herr)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkHead(b *testing.B) {
	var q exchange.Request
	head := []byte(browserHead)
	b.ReportAllocs()
	b.SetBytes(int64(len(head)))
	for b.Loop() {
		var p HeadParser
		_, _ = p.Parse(head, &q)
	}
}
