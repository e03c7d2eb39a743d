//go:build linux

package faults

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// cable connects the proxy's host with StatsD's. Each host is a network
// namespace, which ends with the test.
type cable struct {
	proxy, statsd string // the namespaces
}

// cables counts the cables, for the names of their namespaces.
var cables atomic.Int32

func newCable(t testing.TB) *cable {
	t.Helper()
	needNamespaces(t)
	testutil.NeedCommand(t, "ip")
	name := fmt.Sprintf("faults-%d-%d", os.Getpid(), cables.Add(1))
	c := &cable{proxy: name + "-proxy", statsd: name + "-statsd"}
	for _, namespace := range []string{c.proxy, c.statsd} {
		ip(t, "netns", "add", namespace)
		t.Cleanup(func() { ip(t, "netns", "delete", namespace) })
		ip(t, "-n", namespace, "link", "set", "lo", "up")
	}
	return c
}

func ip(t testing.TB, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testutil.Patience)
	defer cancel()
	if output, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		t.Fatalf("ip %s: %v\n%s", strings.Join(args, " "), err, output)
	}
}

// plug connects the hosts and gives an address to StatsD's.
func (c *cable) plug(t testing.TB, address string) {
	t.Helper()
	ip(t, "-n", c.proxy, "link", "add", "statsd", "type", "veth", "peer", "name", "proxy", "netns", c.statsd)
	ip(t, "-n", c.proxy, "address", "add", "192.0.2.1/24", "dev", "statsd")
	ip(t, "-n", c.statsd, "address", "add", address+"/24", "dev", "proxy")
	ip(t, "-n", c.statsd, "link", "set", "proxy", "up")
	ip(t, "-n", c.proxy, "link", "set", "statsd", "up")
}

// cut makes StatsD's host vanish.
func (c *cable) cut(t testing.TB) {
	t.Helper()
	ip(t, "-n", c.proxy, "link", "delete", "statsd")
}

// turnOff makes StatsD's host vanish as if behind a switch: the link stays up, and
// nobody answers for its address. turnOff also makes the proxy's host forget the
// neighbor, as it does after a minute or so. Until then packets would vanish.
func (c *cable) turnOff(t testing.TB) {
	t.Helper()
	ip(t, "-n", c.statsd, "address", "flush", "dev", "proxy")
	ip(t, "-n", c.proxy, "neighbour", "flush", "all")
}

// turnOn brings StatsD's host back.
func (c *cable) turnOn(t testing.TB, address string) {
	t.Helper()
	ip(t, "-n", c.statsd, "address", "add", address+"/24", "dev", "proxy")
}

// command returns cmd as a command that runs on the proxy's host.
func (c *cable) command(cmd *exec.Cmd) *exec.Cmd {
	there := exec.Command("ip", append([]string{"netns", "exec", c.proxy}, cmd.Args...)...)
	there.Env = cmd.Env
	return there
}

// dial returns a function that connects to the proxy on its host.
func (c *cable) dial(proxy *testutil.Proxy) func() (net.Conn, error) {
	return func() (conn net.Conn, err error) {
		err = inNamespace(c.proxy, func() (err error) {
			conn, err = net.Dial("tcp", proxy.Address)
			return err
		})
		return conn, err
	}
}

// startStatsD starts StatsD on its host.
func (c *cable) startStatsD(t testing.TB, network, address string) *statsd {
	t.Helper()
	s := newStatsD(t, network).at(t, address)
	s.namespace = c.statsd
	s.start(t)
	return s
}

// TestRestartAcrossALink has StatsD on another host go away and come back. That
// host sends one refusal a second after the first few: see icmp_ratelimit in
// icmp(7).
func TestRestartAcrossALink(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			c.plug(t, "192.0.2.2")
			s := c.startStatsD(t, network, "192.0.2.2")
			proxy := testutil.StartProxyCommand(t, c.command(testutil.ProxyCommand(t, proxyArgs(s)...)))
			l := &load{metrics: 8000, rate: 1000, batch: 2, clients: 2, dial: c.dial(proxy)}
			l.start(t, proxy)
			l.reach(t, 2000)
			s.stop(t, proxy)
			l.reach(t, 5000)
			s.start(t)
			l.check(t, network+" restart across a link", proxy, s)
		})
	}
}

// TestHostVanishes has StatsD's host vanish from the network and come back with
// another address. Its name gets that address a second later. The proxy's kernel
// reports after three seconds that nobody answers for the old address, so the
// proxy sends the packets of that time again.
func TestHostVanishes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		network string
		vanish  func(*cable, testing.TB)
		back    func(*cable, testing.TB, string)
	}{
		{"udp host vanishes", "udp", (*cable).cut, (*cable).plug},
		{"tcp host vanishes", "tcp", (*cable).cut, (*cable).plug},
		{"udp host vanishes behind a switch", "udp", (*cable).turnOff, (*cable).turnOn},
		{"tcp host vanishes behind a switch", "tcp", (*cable).turnOff, (*cable).turnOn},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCable(t)
			c.plug(t, "192.0.2.2")
			names := newNameServer(t, c.proxy)
			names.set(t, "192.0.2.2")
			before := c.startStatsD(t, test.network, "192.0.2.2")
			args := proxyArgs(before, "--statsd-host="+hostName, "--statsd-resolve-interval=1")
			proxy := testutil.StartProxyCommand(t, c.command(names.command(testutil.ProxyCommand(t, args...))))
			l := &load{metrics: 10_000, rate: 1000, batch: 2, clients: 2, dial: c.dial(proxy)}
			l.start(t, proxy)
			l.reach(t, 2000)
			thaw := freeze(t, proxy.Process)
			before.waitIdle(t)
			test.vanish(c, t)
			thaw()
			l.reach(t, 7000)
			before.close()
			after := before.at(t, "192.0.2.3")
			after.namespace = c.statsd
			test.back(c, t, "192.0.2.3")
			after.start(t)
			l.reach(t, 8000)
			names.set(t, "192.0.2.3")
			l.check(t, test.name, proxy, before, after)
		})
	}
}
