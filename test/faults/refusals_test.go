//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// runIn runs a command in a network namespace.
func runIn(t testing.TB, namespace string, command ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Patience)
	defer cancel()
	args := append([]string{"netns", "exec", namespace}, command...)
	if output, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, output)
	}
}

// stopAll makes servers go away with nothing unread, while none of the proxies
// runs.
func stopAll(t testing.TB, servers []*statsd, proxies []*testutil.Proxy) {
	t.Helper()
	for _, proxy := range proxies {
		defer freeze(t, proxy.Process)()
	}
	for _, s := range servers {
		s.end(t)
	}
}

// sendEmpty sends empty packets from a network namespace to address, until the
// test is over.
func sendEmpty(t testing.TB, namespace, address string, interval time.Duration) {
	t.Helper()
	var conn net.Conn
	err := inNamespace(namespace, func() (err error) {
		conn, err = net.Dial("udp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_, _ = conn.Write(nil) // a refusal of the last one is no reason to stop
			case <-stop:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(stop)
		running.Wait()
		conn.Close()
	})
}

// TestRefusalsAreShared has the host of a StatsD that is away send one refusal a
// second to the proxy's host, as Linux does, for all that is sent from there: two
// proxies, or the proxy and another program.
func TestRefusalsAreShared(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		proxies  int
		interval time.Duration // of the packets of another program
	}{
		{"two proxies", 2, 0},
		{"three proxies", 3, 0},
		{"another program sends little", 1, 400 * time.Millisecond},
		{"another program sends much", 1, 20 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			c.plug(t, "192.0.2.2")
			var servers []*statsd
			var proxies []*testutil.Proxy
			var loads []*load
			for range test.proxies {
				s := c.startStatsD(t, "udp", "192.0.2.2")
				proxy := testutil.StartProxyCommand(t, c.command(testutil.ProxyCommand(t, proxyArgs(s)...)))
				l := &load{metrics: 16_000, rate: 1000, batch: 2, clients: 2, dial: c.dial(proxy)}
				servers, proxies, loads = append(servers, s), append(proxies, proxy), append(loads, l)
			}
			if test.interval > 0 {
				sendEmpty(t, c.proxy, servers[0].address, test.interval)
			}
			for i, l := range loads {
				l.start(t, proxies[i])
			}
			for _, l := range loads {
				l.reach(t, 2000)
			}
			stopAll(t, servers, proxies)
			for _, l := range loads {
				l.reach(t, 14_000)
			}
			for _, s := range servers {
				s.start(t)
			}
			for i, l := range loads {
				l.check(t, fmt.Sprintf("%s, proxy %d", test.name, i+1), proxies[i], servers[i])
			}
		})
	}
}

// TestRedirectedAddress has packets to the proxy's own host go to another host,
// as with a port that a container publishes. Its refusals are limited, though
// the address is a local one.
func TestRedirectedAddress(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "iptables")
	for _, test := range []struct{ name, address string }{
		{"the loopback address is redirected", "127.0.0.1"},
		{"the host's own address is redirected", "192.0.2.1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			c.plug(t, "192.0.2.2")
			s := c.startStatsD(t, "udp", "192.0.2.2")
			runIn(t, c.proxy, "sysctl", "-qw", "net.ipv4.conf.all.route_localnet=1")
			runIn(t, c.proxy, "iptables", "-t", "nat", "-A", "OUTPUT", "-p", "udp", "-d", test.address, "--dport", s.port(),
				"-j", "DNAT", "--to-destination", s.address)
			runIn(t, c.proxy, "iptables", "-t", "nat", "-A", "POSTROUTING", "-p", "udp", "-d", "192.0.2.2", "--dport", s.port(), "-j", "MASQUERADE")
			proxy := testutil.StartProxyCommand(t, c.command(testutil.ProxyCommand(t, proxyArgs(s.at(t, test.address))...)))
			l := &load{metrics: 8000, rate: 1000, batch: 2, clients: 2, dial: c.dial(proxy)}
			l.start(t, proxy)
			l.reach(t, 1000)
			s.stop(t, proxy)
			l.reach(t, 6000)
			s.start(t)
			l.check(t, test.name, proxy, s)
		})
	}
}

// TestServerPortIsAClientPort has StatsD's port be one that Linux gives to
// clients, of which there are few: while StatsD is away, the proxy's socket gets
// it sooner or later, and is connected to itself.
func TestServerPortIsAClientPort(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			s := newStatsD(t, network)
			s.namespace = c.proxy
			s.address = "127.0.0.1:40001"
			s.start(t)
			runIn(t, c.proxy, "sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40003")
			proxy := testutil.StartProxyCommand(t, c.command(testutil.ProxyCommand(t, append(proxyArgs(s), "--http-port=8080")...)))
			l := &load{metrics: 8000, rate: 1000, batch: 2, clients: 1, dial: c.dial(proxy)}
			l.start(t, proxy)
			l.reach(t, 1000)
			s.stop(t, proxy)
			l.reach(t, 6000)
			testutil.Eventually(t, "StatsD to get its port", func() bool {
				return inNamespace(c.proxy, s.listen) == nil
			})
			l.check(t, network+" with a client's port", proxy, s)
		})
	}
}

// TestFirewallRefuses has a firewall on StatsD's host refuse packets for a
// second, with the message that firewalld uses. What was sent before arrives
// once.
func TestFirewallRefuses(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "iptables")
	c := newCable(t)
	c.plug(t, "192.0.2.2")
	s := c.startStatsD(t, "udp", "192.0.2.2")
	proxy := testutil.StartProxyCommand(t, c.command(testutil.ProxyCommand(t, proxyArgs(s)...)))
	l := &load{metrics: 8000, rate: 1000, batch: 2, clients: 2, dial: c.dial(proxy)}
	rule := []string{"INPUT", "-p", "udp", "-j", "REJECT", "--reject-with", "icmp-host-prohibited"}
	l.start(t, proxy)
	l.reach(t, 4000)
	runIn(t, c.statsd, append([]string{"iptables", "-A"}, rule...)...)
	l.reach(t, 5000)
	runIn(t, c.statsd, append([]string{"iptables", "-D"}, rule...)...)
	l.check(t, "a firewall refuses", proxy, s)
}

// TestPathIsNarrow has a router on the way whose link takes IPv6 packets of no
// more than 1,280 bytes. The proxy's host learns that from a packet that was
// dropped, and forgets it.
func TestPathIsNarrow(t *testing.T) {
	t.Parallel()
	c := newCable(t)
	router := c.proxy[:len(c.proxy)-len("proxy")] + "router"
	ip(t, "netns", "add", router)
	t.Cleanup(func() { ip(t, "netns", "delete", router) })
	ip(t, "-n", c.proxy, "link", "add", "wan", "type", "veth", "peer", "name", "in", "netns", router)
	ip(t, "-n", router, "link", "add", "out", "mtu", "1280", "type", "veth", "peer", "name", "lan", "mtu", "1280", "netns", c.statsd)
	for _, link := range [][3]string{
		{c.proxy, "wan", "fd00:1::1/64"}, {router, "in", "fd00:1::2/64"},
		{router, "out", "fd00:2::1/64"}, {c.statsd, "lan", "fd00:2::2/64"},
	} {
		ip(t, "-n", link[0], "address", "add", link[2], "dev", link[1], "nodad")
		ip(t, "-n", link[0], "link", "set", link[1], "up")
	}
	ip(t, "-n", c.proxy, "route", "add", "default", "via", "fd00:1::2")
	ip(t, "-n", c.statsd, "route", "add", "default", "via", "fd00:2::1")
	runIn(t, router, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
	s := c.startStatsD(t, "udp", "fd00:2::2")
	testutil.Eventually(t, "the hosts to find each other", func() bool {
		return inNamespace(c.proxy, func() error {
			conn, err := net.DialTimeout("tcp", s.address, time.Second)
			if errors.Is(err, syscall.ECONNREFUSED) {
				return nil
			}
			if err == nil {
				conn.Close()
			}
			return errors.Join(err, errors.New("not refused"))
		}) == nil
	})
	proxy := testutil.StartProxyCommand(t, c.command(testutil.ProxyCommand(t, proxyArgs(s)...)))
	l := &load{metrics: 20_000, rate: 4000, batch: 50, clients: 2, dial: c.dial(proxy)}
	l.start(t, proxy)
	for metrics := 4000; metrics < l.metrics; metrics += 4000 {
		l.reach(t, metrics)
		ip(t, "-n", c.proxy, "-6", "route", "flush", "cache") // what was learnt expires, as it does after ten minutes
	}
	a := l.finish(t, "a narrow path", proxy, s)
	a.reordered = 0 // a packet that was dropped is sent again after those that were not
	a.mustBeFine(t, "a narrow path")
	if log := proxy.Stderr.String(); strings.Contains(log, "away") {
		t.Errorf("a packet that is too long counts as an outage: %s", log)
	}
}
