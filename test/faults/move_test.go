//go:build linux

package faults

import (
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// TestMove has StatsD go away and come back with another address behind the
// same name.
func TestMove(t *testing.T) {
	t.Parallel()
	hosts := func(t testing.TB) naming { return newHostsFile(t) }
	dns := func(t testing.TB) naming { return newNameServer(t, "") }
	for _, test := range []struct {
		name     string
		naming   func(testing.TB) naming
		network  string
		from, to string
	}{
		{"move in the hosts file", hosts, "udp", "127.0.0.2", "127.0.0.3"},
		{"move in the hosts file to ipv6", hosts, "udp", "127.0.0.2", "::1"},
		{"move in dns", dns, "udp", "127.0.0.2", "127.0.0.3"},
		{"move in dns to ipv6", dns, "udp", "127.0.0.2", "::1"},
		{"move in dns from ipv6", dns, "udp", "::1", "127.0.0.2"},
		{"tcp move in dns", dns, "tcp", "127.0.0.2", "127.0.0.3"},
		{"tcp move in dns to ipv6", dns, "tcp", "127.0.0.2", "::1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			needAddress(t, test.from)
			needAddress(t, test.to)
			names := test.naming(t)
			free := newStatsD(t, test.network)
			before, after := free.at(t, test.from), free.at(t, test.to)
			before.start(t)
			names.set(t, test.from)
			proxy := startNamedProxy(t, names, before)
			l := &load{metrics: 5000, rate: 1000, batch: 2, clients: 2}
			l.start(t, proxy)
			l.reach(t, 1500)
			before.stop(t, proxy)
			l.reach(t, 2500)
			names.set(t, test.to)
			after.start(t)
			l.check(t, test.name, proxy, before, after)
			if after.received() == 0 {
				t.Error("the new address has received nothing")
			}
		})
	}
}

// TestSilentOldAddress has StatsD move away from an address that keeps accepting
// packets. No sender over UDP can notice that. The test counts what arrives at
// the old address: nothing must arrive there after the name has changed, and
// nothing must vanish.
func TestSilentOldAddress(t *testing.T) {
	t.Parallel()
	names := newNameServer(t, "")
	free := newStatsD(t, "udp")
	before, after := free.at(t, "127.0.0.2"), free.at(t, "127.0.0.3")
	before.start(t)
	names.set(t, "127.0.0.2")
	proxy := startNamedProxy(t, names, before)
	l := &load{metrics: 6000, rate: 1000, batch: 2, clients: 2}
	l.start(t, proxy)
	l.reach(t, 1500)
	after.start(t)
	names.set(t, "127.0.0.3")
	moved := before.received()
	names.waitAsked(t, 4) // for both kinds of address, twice
	l.reach(t, int(l.count.Load())+500)
	left := before.received()
	l.check(t, "silent old address", proxy, before, after)
	t.Logf("silent old address: it swallowed %d after the name had changed", before.received()-moved)
	if after.received() == 0 || before.received() > left {
		t.Errorf("after the proxy has learnt the new address: got %d lines there, and %d at the old one",
			after.received(), before.received()-left)
	}
}

// TestAddressInUseIsKept adds an address to StatsD's name, then removes the
// first.
func TestAddressInUseIsKept(t *testing.T) {
	t.Parallel()
	names := newNameServer(t, "")
	free := newStatsD(t, "udp")
	first, second := free.at(t, "127.0.0.2"), free.at(t, "127.0.0.3")
	first.start(t)
	second.start(t)
	names.set(t, "127.0.0.2")
	proxy := startNamedProxy(t, names, first)
	l := &load{metrics: 6000, rate: 1000, batch: 2, clients: 2}
	l.start(t, proxy)
	l.reach(t, 500)
	names.set(t, "127.0.0.3", "127.0.0.2")
	names.waitAsked(t, 4) // for both kinds of address, twice
	l.reach(t, int(l.count.Load())+500)
	if got := second.received(); got != 0 {
		t.Errorf("lines at an address that was added: got %d, want 0", got)
	}
	names.set(t, "127.0.0.3")
	l.check(t, "one address of two is taken away", proxy, first, second)
	if second.received() == 0 {
		t.Error("the address that is left has received nothing")
	}
}

// TestNameAppearsLate has StatsD's name missing when the proxy starts.
func TestNameAppearsLate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		network string
		naming  func(testing.TB) naming
	}{
		{"a name that appears late in the hosts file", "udp", func(t testing.TB) naming { return newHostsFile(t) }},
		{"a name that appears late in dns", "udp", func(t testing.TB) naming { return newNameServer(t, "") }},
		{"tcp with a name that appears late in dns", "tcp", func(t testing.TB) naming { return newNameServer(t, "") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			names := test.naming(t)
			s := startStatsD(t, test.network)
			proxy := startNamedProxy(t, names, s)
			l := &load{metrics: 3000, rate: 1000, batch: 2, clients: 2}
			l.start(t, proxy)
			l.reach(t, 2000)
			if got := s.received(); got != 0 {
				t.Fatalf("lines that have found StatsD without its name: got %d, want 0", got)
			}
			names.set(t, "127.0.0.1")
			l.check(t, test.name, proxy, s)
		})
	}
}

// TestSilentNameServerBlocksNothing has the DNS server answer nothing while the
// proxy asks it again.
func TestSilentNameServerBlocksNothing(t *testing.T) {
	t.Parallel()
	names := newNameServer(t, "")
	s := startStatsD(t, "udp")
	names.set(t, "127.0.0.1")
	proxy := startNamedProxy(t, names, s)
	l := &load{metrics: 6000, rate: 1000, batch: 2, clients: 2}
	l.start(t, proxy)
	l.reach(t, 500)
	names.setSilent(true)
	names.waitAsked(t, 1)
	asked := int(l.count.Load())
	testutil.Eventually(t, "metrics while the DNS server is silent", func() bool { return s.received() >= asked+1000 })
	l.check(t, "silent name server", proxy, s)
}

// TestSocketFileIsReplaced has another StatsD replace the socket's file while the
// first still reads from its socket.
func TestSocketFileIsReplaced(t *testing.T) {
	t.Parallel()
	before, after := startStatsD(t, "unixgram"), newStatsD(t, "unixgram")
	after.address = before.address
	proxy := startProxy(t, before, "--statsd-resolve-interval=1")
	l := &load{metrics: 4000, rate: 1000, batch: 2, clients: 2}
	l.start(t, proxy)
	l.reach(t, 1000)
	after.start(t)
	l.check(t, "unixgram file is replaced", proxy, before, after)
	if after.received() == 0 {
		t.Error("the new socket has received nothing")
	}
}
