//go:build linux

package faults

import (
	"net"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// TestHAProxy has HAProxy between the proxy and a StatsD that is away for 8 of 20
// seconds. With health checks, HAProxy meanwhile accepts each connection and closes it at
// once. Without them, it tries four times to connect to StatsD, once a second.
func TestHAProxy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, check string }{
		{"haproxy", ""},
		{"haproxy with health checks", " check inter 500ms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := startStatsD(t, "tcp")
			front := &statsd{network: "tcp", address: net.JoinHostPort("127.0.0.1", testutil.FreePort(t))}
			testutil.StartHAProxy(t, front.address, "listen statsd\n"+
				"    mode tcp\n"+
				"    timeout client-fin 100ms\n"+ // the default is timeout client
				"    bind "+front.address+"\n"+
				"    server statsd "+s.address+test.check+"\n")
			proxy := startProxy(t, front)
			l := &load{metrics: 20_000, rate: 1000, batch: 2, clients: 2}
			l.start(t, proxy)
			l.reach(t, 6000)
			// Lines that HAProxy reads for a StatsD that is away are lost to each sender.
			thaw := freeze(t, proxy.Process)
			wait := func(what string, isDone func(string) (bool, error)) {
				t.Helper()
				testutil.Eventually(t, what, func() bool {
					ok, err := isDone(front.address)
					if err != nil {
						t.Fatal(err)
					}
					return ok
				})
			}
			wait("HAProxy to have read everything", tcpQueuesAreEmpty)
			s.end(t)
			wait("HAProxy to close its connections", hasNoConnections)
			thaw()
			l.reach(t, 14_000)
			s.start(t)
			l.check(t, test.name, proxy, s)
		})
	}
}
