//go:build !race

package exchange

import (
	"testing"
	"time"
)

func TestCountingAllocatesNothing(t *testing.T) {
	shard := NewStats().Shard()
	if n := testing.AllocsPerRun(100, func() {
		shard.CountRequest(RouteTiming, 403, 7)
		shard.ObserveDuration(time.Second)
	}); n != 0 {
		t.Errorf("counting allocates %v times", n)
	}
}
