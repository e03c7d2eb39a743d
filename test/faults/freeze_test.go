//go:build linux

package faults

import (
	"testing"
	"time"
)

// TestFrozenProxy freezes the proxy again and again while StatsD is away. In some of the
// pauses, the refusal of a packet arrives, and the time after which the proxy trusts a
// silent server passes.
func TestFrozenProxy(t *testing.T) {
	t.Parallel()
	s := startStatsD(t, "udp")
	proxy := startProxy(t, s)
	const rate = 500
	l := &load{metrics: 10 * rate, rate: rate, batch: 5, size: 50, clients: 2}
	l.start(t, proxy)
	for !l.endsWithin(500 * time.Millisecond) {
		s.stop(t, proxy)
		for pause := range 20 {
			thaw := freeze(t, proxy.Process)
			ended := l.endsWithin(30 * time.Millisecond)
			thaw()
			if ended || l.endsWithin(time.Duration(40+7*pause)*time.Millisecond) {
				break
			}
		}
		s.start(t)
	}
	l.check(t, "frozen proxy", proxy, s)
}
