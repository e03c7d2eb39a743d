//go:build linux

package faults

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	soak = flag.Duration("soak", 20*time.Second, "how long TestSoak goes on over each transport")
	seed = flag.Uint64("seed", 0, "seed of TestSoak; 0 takes one at random")
)

// TestSoak has StatsD go away and come back at random times, in random ways.
func TestSoak(t *testing.T) {
	t.Parallel()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("-seed=%d repeats the times", *seed)
	for stream, network := range []string{"udp", "tcp", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(*seed, uint64(stream)))
			between := func(least, most time.Duration) time.Duration {
				return least + time.Duration(random.Int64N(int64(most-least)))
			}
			s := startStatsD(t, network)
			proxy := startProxy(t, s)
			const rate = 1000
			l := &load{metrics: int(*soak * rate / time.Second), rate: rate, batch: 5, size: 50, clients: 2}
			l.start(t, proxy)
			leastAway := time.Millisecond
			if network == "tcp" || network == "unix" {
				// If StatsD is back before the proxy connects again, the proxy takes it for
				// a balancer and sends lines twice; see docs/delivery.md.
				leastAway = 50 * time.Millisecond
			}
			stops := 0
			for {
				if l.endsWithin(between(time.Millisecond, 2*time.Second)) {
					break
				}
				s.resets, s.unlinks = random.IntN(2) == 0, random.IntN(2) == 0
				s.stop(t, proxy)
				stops++
				ended := l.endsWithin(between(leastAway, 2*time.Second))
				s.start(t)
				if ended {
					break
				}
			}
			t.Logf("%s soak: StatsD went away %d times", network, stops)
			l.check(t, network+" soak", proxy, s)
		})
	}
}

// endsWithin waits for the end of the load, at most for limit, and reports
// whether the load has ended.
func (l *load) endsWithin(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-l.clientsDone:
		return true
	case <-timer.C:
		return false
	}
}
