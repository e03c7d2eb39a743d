//go:build linux

package faults

import (
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// TestGatewayChangesItsBackend has packets to one address go to a StatsD on another host,
// as with a Service of Kubernetes. Then they go to a second StatsD. The kernel sends the
// packets of a source port to the first one as long as they keep coming.
func TestGatewayChangesItsBackend(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "iptables")
	for _, test := range []struct {
		name   string
		isAway bool // the first StatsD goes away
	}{
		{"a gateway changes its backend", false},
		{"a gateway changes its backend, which goes away", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			const gateway = "198.51.100.1"
			c := newCable(t)
			c.plug(t, "192.0.2.2")
			ip(t, "-n", c.statsd, "address", "add", "192.0.2.3/24", "dev", "proxy")
			ip(t, "-n", c.proxy, "route", "add", gateway, "via", "192.0.2.2")
			before := c.startStatsD(t, "udp", "192.0.2.2")
			after := before.at(t, "192.0.2.3")
			after.namespace = c.statsd
			after.start(t)
			redirect := func(to *statsd, command ...string) {
				t.Helper()
				rule := append(command, "-p", "udp", "-d", gateway, "--dport", to.port(), "-j", "DNAT", "--to-destination", to.address)
				runIn(t, c.proxy, append([]string{"iptables", "-t", "nat"}, rule...)...)
			}
			redirect(before, "-A", "OUTPUT")
			args := proxyArgs(before.at(t, gateway), "--statsd-resolve-interval=1")
			proxy := testutil.StartProxyCommand(t, c.command(testutil.ProxyCommand(t, args...)))
			l := &load{metrics: 10_000, rate: 1000, batch: 2, clients: 2, dial: c.dial(proxy)}
			l.start(t, proxy)
			l.reach(t, 2000)
			redirect(after, "-R", "OUTPUT", "1")
			if test.isAway {
				before.stop(t, proxy)
			}
			l.check(t, test.name, proxy, before, after)
			if after.received() == 0 {
				t.Error("the second StatsD has received nothing")
			}
		})
	}
}
