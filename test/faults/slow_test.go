//go:build linux

package faults

import (
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// TestPause has StatsD stop reading for 5 seconds, and then continue, or restart.
// 12.5 MB come meanwhile. That is more than the kernel's buffers hold, so most of
// it waits in the proxy, which has written its last packet in part.
func TestPause(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix", "unixgram"} {
		for _, what := range []string{network + " pause", network + " pause and restart"} {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				const rate, pause = 10_000, 5
				s := startStatsD(t, network)
				proxy := startProxy(t, s)
				l := &load{metrics: (pause + 2) * rate, rate: rate, batch: 100, size: 250, clients: 2}
				l.start(t, proxy)
				l.reach(t, rate)
				s.pause()
				l.reach(t, (1+pause)*rate)
				if strings.HasSuffix(what, "restart") {
					thaw := freeze(t, proxy.Process)
					s.resume()
					s.end(t)
					thaw()
					s.start(t)
				} else {
					s.resume()
				}
				l.check(t, what, proxy, s)
			})
		}
	}
}

// TestFullBufferRefuses has StatsD away until the buffer is full. Requests are
// rejected then, and accepted metrics stay in the buffer.
func TestFullBufferRefuses(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := newStatsD(t, network)
			proxy := startProxy(t, s, "--statsd-buffer=100000")
			l := &load{metrics: 10_000, rate: 5000, batch: 10, size: 200, clients: 2, refusable: true}
			l.start(t, proxy)
			testutil.Eventually(t, "rejected requests", func() bool { return l.refused.Load() >= 100 })
			s.start(t)
			l.check(t, network+" with a full buffer", proxy, s)
		})
	}
}

// TestFast sends 50,000 metrics a second for 10 seconds to a socket of default
// size.
func TestFast(t *testing.T) {
	const what = "50,000 metrics a second"
	mustBeFineInThree(t, what, func() account {
		s := newStatsD(t, "udp")
		s.hasSmallBuffer = true
		s.start(t)
		proxy := startProxy(t, s)
		l := &load{metrics: 500_000, rate: 50_000, batch: 100, clients: 4}
		l.start(t, proxy)
		return l.finish(t, what, proxy, s)
	})
}
