//go:build linux

package faults

import (
	"net"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// restart sends l to s. It stops s when from metrics are acknowledged, and starts
// it again when to are.
func restart(t *testing.T, what string, s *statsd, l *load, from, to int) account {
	t.Helper()
	s.start(t)
	proxy := startProxy(t, s)
	l.start(t, proxy)
	l.reach(t, from)
	s.stop(t, proxy)
	l.reach(t, to)
	s.start(t)
	return l.finish(t, what, proxy, s)
}

// TestRestartOfUDP has StatsD away for 3 of 10 seconds. About five times as much
// waits then as a socket holds.
func TestRestartOfUDP(t *testing.T) {
	mustBeFineInThree(t, "udp restart", func() account {
		l := &load{metrics: 20_000, rate: 2000, batch: 1, size: 100, clients: 4}
		s := newStatsD(t, "udp")
		s.hasSmallBuffer = true
		return restart(t, "udp restart", s, l, 7000, 13_000)
	})
}

func TestRestart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		network string
		shape   func(*statsd)
	}{
		{"udp over ipv6", "udp", func(s *statsd) { s.address = net.JoinHostPort("::1", s.port()) }},
		// StatsD reads everything before it closes or resets the connection. So
		// the bytes that its kernel has acknowledged are those that it has read.
		{"tcp", "tcp", func(*statsd) {}},
		{"tcp with resets", "tcp", func(s *statsd) { s.resets = true }},
		{"unix", "unix", func(s *statsd) { s.unlinks = true }},
		{"unix with the file left behind", "unix", func(*statsd) {}},
		{"unixgram", "unixgram", func(s *statsd) { s.unlinks = true }},
		{"unixgram with the file left behind", "unixgram", func(*statsd) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newStatsD(t, test.network)
			test.shape(s)
			if host, _, err := net.SplitHostPort(s.address); err == nil {
				needAddress(t, host)
			}
			what := test.name + " restart"
			l := &load{metrics: 6000, rate: 1000, batch: 2, size: 50, clients: 2}
			restart(t, what, s, l, 2000, 4000).mustBeFine(t, what)
		})
	}
}

// TestStatsDAppearsLate has StatsD away when the proxy starts.
func TestStatsDAppearsLate(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "unix", "unixgram"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := newStatsD(t, network)
			proxy := startProxy(t, s)
			l := &load{metrics: 3000, rate: 1000, batch: 2, size: 50, clients: 2}
			l.start(t, proxy)
			l.reach(t, 2000)
			s.start(t)
			l.check(t, network+" appears late", proxy, s)
		})
	}
}

// needAddress skips the test if the machine does not have an address.
func needAddress(t testing.TB, host string) {
	t.Helper()
	conn, err := net.ListenPacket("udp", net.JoinHostPort(host, "0"))
	testutil.Need(t, err == nil, "the machine has no address "+host)
	conn.Close()
}
