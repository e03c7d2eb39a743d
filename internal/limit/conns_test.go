package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
)

func TestConns(t *testing.T) {
	c := NewConns(5, 2, trusted)
	f := func(addr string, want bool) {
		t.Helper()
		if got := c.Open(netip.MustParseAddr(addr)); got != want {
			t.Errorf("a connection from %s is allowed: %v, want %v", addr, got, want)
		}
	}
	closed := func(addr string) { c.Close(netip.MustParseAddr(addr)) }
	f("198.51.100.1", true)
	f("::ffff:198.51.100.1", true)
	f("198.51.100.1", false)
	f("2001:db8::1", true)
	f("2001:db8::2", true)
	f("2001:db8::3", false)
	f("2001:db8:0:1::1", true) // the fifth: rejected ones do not count
	f("198.51.100.2", false)
	f("10.0.0.1", false)
	closed("198.51.100.1")
	f("2001:db8::3", false)
	f("198.51.100.1", true)
	closed("2001:db8::1")
	closed("2001:db8::2")
	closed("2001:db8:0:1::1")
	f("10.0.0.1", true) // a trusted proxy
	f("10.0.0.1", true)
	f("::ffff:10.0.0.1", true)
	f("10.0.0.2", false)
	for range 3 {
		closed("10.0.0.1")
	}
	closed("198.51.100.1")
	closed("198.51.100.1")
	if c.open != 0 || len(c.byAddress) != 0 {
		t.Errorf("%d connections from %d addresses are still counted", c.open, len(c.byAddress))
	}
}

func TestClosedConnsMakeRoom(t *testing.T) {
	c := NewConns(0, 3, nil)
	addr := netip.MustParseAddr("198.51.100.1")
	openAll := func() (n int) {
		for c.Open(addr) {
			n++
		}
		return n
	}
	openAll()
	for closed := range 4 {
		for range closed {
			c.Close(addr)
		}
		if got := openAll(); got != closed {
			t.Errorf("after %d connections are closed, %d new ones are allowed", closed, got)
		}
	}
}

func TestConnsWithoutLimit(t *testing.T) {
	f := func(max, perAddress, want int) {
		t.Helper()
		c := NewConns(max, perAddress, nil)
		addr := netip.MustParseAddr("198.51.100.1")
		got := 0
		for range 1000 {
			if c.Open(addr) {
				got++
			}
		}
		if got != want {
			t.Errorf("with the limits %d and %d, %d connections are allowed, want %d", max, perAddress, got, want)
		}
		for range got {
			c.Close(addr)
		}
		if c.open != 0 || len(c.byAddress) != 0 {
			t.Errorf("%d connections from %d addresses are still counted", c.open, len(c.byAddress))
		}
	}
	f(0, 0, 1000)
	f(10, 0, 10)
	f(1, 0, 1)
	f(0, 1, 1)
	f(0, 10, 10)
	f(20, 10, 10)
	f(10, 20, 10)
}

func TestConnsInParallel(t *testing.T) {
	const max, perAddress = 20, 3
	c := NewConns(max, perAddress, trusted)
	var open, served atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		addr := netip.AddrFrom4([4]byte{198, 51, 100, byte(i / 4)})
		if i%4 == 3 {
			addr = netip.MustParseAddr("10.0.0.1")
		}
		all.Go(func() {
			for range 1000 {
				if c.Open(addr) {
					served.Add(1)
					if n := open.Add(1); n > max {
						t.Errorf("%d connections are open", n)
					}
					open.Add(-1)
					c.Close(addr)
				}
			}
		})
	}
	all.Wait()
	if served.Load() == 0 || c.open != 0 || len(c.byAddress) != 0 {
		t.Errorf("%d connections were allowed, %d from %d addresses are still counted", served.Load(), c.open, len(c.byAddress))
	}
}

func TestConnsMove(t *testing.T) {
	proxy, a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	trusted, err := ParseTrustedProxies("10.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	c := NewConns(3, 1, trusted)
	for range 3 {
		if !c.Open(proxy) {
			t.Fatal("a connection of a trusted proxy is rejected")
		}
	}
	if !c.Move(proxy, a) {
		t.Error("the first connection of a is rejected")
	}
	if c.Move(proxy, a) {
		t.Error("the second connection of a is not rejected")
	}
	if !c.Move(a, b) || !c.Move(proxy, a) {
		t.Error("a connection of a is rejected although the other one is b's now")
	}
	if c.Open(proxy) {
		t.Error("a fourth connection is not rejected")
	}
	for _, addr := range []netip.Addr{a, b, proxy} {
		c.Close(addr)
	}
	if c.open != 0 || len(c.byAddress) != 0 {
		t.Errorf("after all connections are closed, %d are open, %v by address", c.open, c.byAddress)
	}
}

func TestConnsAreFull(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.1")
	f := func(max, open int, want bool) {
		t.Helper()
		c := NewConns(max, 0, nil)
		for range open {
			c.Open(addr)
		}
		if got := c.IsFull(); got != want {
			t.Errorf("with %d connections of %d: full: %v", open, max, got)
		}
	}
	f(2, 0, false)
	f(2, 1, false)
	f(2, 2, true)
	f(2, 3, true)
	f(0, 3, false)
}
