package limit

import (
	"net/netip"
	"sync"
)

// Conns counts open connections, in all and by address: an IPv4 address, or
// the /64 of an IPv6 address. It remembers as many addresses as there are
// connections open.
type Conns struct {
	max, perAddress int
	exempt          TrustedProxies

	mu        sync.Mutex
	open      int
	byAddress map[Client]int
}

// NewConns returns a Conns that lets max connections be open at once and
// perAddress of one address; 0 means any number. Those of exempt count in all
// only: many clients share them.
func NewConns(max, perAddress int, exempt TrustedProxies) *Conns {
	return &Conns{max: max, perAddress: perAddress, exempt: exempt, byAddress: make(map[Client]int)}
}

// Open counts a connection from addr and tells whether it may be served. If so
// it has to be given to Close when it ends, if not it counts for nothing.
func (c *Conns) Open(addr netip.Addr) bool {
	counted := c.isCounted(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.max > 0 && c.open >= c.max {
		return false
	}
	if counted {
		client := AddressClient(addr)
		open := c.byAddress[client]
		if open >= c.perAddress {
			return false
		}
		c.byAddress[client] = open + 1
	}
	c.open++
	return true
}

// Close ends a connection that Open has counted from the same address.
func (c *Conns) Close(addr netip.Addr) {
	counted := c.isCounted(addr)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open--
	if !counted {
		return
	}
	client := AddressClient(addr)
	if open := c.byAddress[client]; open > 1 {
		c.byAddress[client] = open - 1
	} else {
		delete(c.byAddress, client)
	}
}

// isCounted tells whether connections from addr are limited by themselves.
func (c *Conns) isCounted(addr netip.Addr) bool {
	return c.perAddress > 0 && !c.exempt.Contains(addr)
}
