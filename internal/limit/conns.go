package limit

import (
	"net/netip"
	"sync"
)

// Conns counts open connections: all of them, and those of each address (an IPv4
// address, or the /64 of an IPv6 address). It stores only addresses with open
// connections.
type Conns struct {
	max, perAddress int
	exempt          TrustedProxies

	mu        sync.Mutex // protects the fields below
	open      int
	byAddress map[Client]int // never holds a 0
	rejected  ConnsRejected
}

// NewConns returns a Conns that allows max open connections, and perAddress open
// connections from one address. 0 means no limit. Connections from an address in
// exempt count towards max only, because many clients share them.
func NewConns(max, perAddress int, exempt TrustedProxies) *Conns {
	return &Conns{max: max, perAddress: perAddress, exempt: exempt, byAddress: make(map[Client]int)}
}

// Open reports whether a new connection from addr is within the limits, and if
// so, counts it. The caller must then call Close with the same address when the
// connection ends.
func (c *Conns) Open(addr netip.Addr) bool {
	hasAddressLimit := c.hasAddressLimit(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.max > 0 && c.open >= c.max {
		c.rejected.Max++
		return false
	}
	if hasAddressLimit && !c.openAddress(addr) {
		return false
	}
	c.open++
	return true
}

// IsFull reports whether as many connections are open as may be.
func (c *Conns) IsFull() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.max > 0 && c.open >= c.max
}

// Move counts a connection that Open has counted for from as one from to, if that is
// within the limit of its address, and reports whether it is. If so, the caller must
// call Close with to instead of from. It is for connections whose proxy names the
// client later.
func (c *Conns) Move(from, to netip.Addr) bool {
	hadAddressLimit, hasAddressLimit := c.hasAddressLimit(from), c.hasAddressLimit(to)
	c.mu.Lock()
	defer c.mu.Unlock()
	if hasAddressLimit && !c.openAddress(to) {
		return false
	}
	if hadAddressLimit {
		c.closeAddress(from)
	}
	return true
}

// openAddress counts a connection from addr if that is within the limit, and reports
// whether it is.
func (c *Conns) openAddress(addr netip.Addr) bool {
	client := AddressClient(addr)
	open := c.byAddress[client]
	if open >= c.perAddress {
		c.rejected.PerAddress++
		return false
	}
	c.byAddress[client] = open + 1
	return true
}

// closeAddress uncounts a connection from addr.
func (c *Conns) closeAddress(addr netip.Addr) {
	client := AddressClient(addr)
	if open := c.byAddress[client]; open > 1 {
		c.byAddress[client] = open - 1
	} else {
		delete(c.byAddress, client)
	}
}

// Close uncounts a connection from addr that Open counted.
func (c *Conns) Close(addr netip.Addr) {
	hasAddressLimit := c.hasAddressLimit(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if hasAddressLimit {
		c.closeAddress(addr)
	}
}

// hasAddressLimit reports whether connections from addr are limited by address.
func (c *Conns) hasAddressLimit(addr netip.Addr) bool {
	return c.perAddress > 0 && !c.exempt.Contains(addr)
}
