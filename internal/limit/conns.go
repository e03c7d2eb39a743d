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
	if hasAddressLimit {
		client := AddressClient(addr)
		open := c.byAddress[client]
		if open >= c.perAddress {
			c.rejected.PerAddress++
			return false
		}
		c.byAddress[client] = open + 1
	}
	c.open++
	return true
}

// Close uncounts a connection from addr that Open counted.
func (c *Conns) Close(addr netip.Addr) {
	hasAddressLimit := c.hasAddressLimit(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if !hasAddressLimit {
		return
	}
	client := AddressClient(addr)
	if open := c.byAddress[client]; open > 1 {
		c.byAddress[client] = open - 1
	} else {
		delete(c.byAddress, client)
	}
}

// hasAddressLimit reports whether connections from addr are limited by address.
func (c *Conns) hasAddressLimit(addr netip.Addr) bool {
	return c.perAddress > 0 && !c.exempt.Contains(addr)
}
