package sender

import (
	"slices"
	"time"
)

// pathKind says how an address shows that no server is there. The machine learns it
// from what happens. It is never guessed from the address.
type pathKind uint8

const (
	unknownPath  pathKind = iota
	promptPath            // UDP: each packet is refused, at once
	limitedPath           // UDP: a host limits how many refusals it sends
	directPath            // streams: connections are refused while the server is away
	balancedPath          // streams: a load balancer accepts connections while the server is away
)

// path is what the machine knows about an address.
type path struct {
	addr string
	kind pathKind

	lastRefusal time.Time     // the last refused packet or failed attempt to connect; zero if there was none
	longestGap  time.Duration // the longest time between two refusals of an outage
	refusals    int           // the number of refusals in this outage
	earlyEnds   int           // the number of connections that ended early since one was last refused
	isRetried   bool          // the last connection ended early, and the next attempt to connect was made at once
}

// refused records a refused packet. isPrompt says that the path refuses each packet at
// once.
func (p *path) refused(now time.Time, isPrompt bool) {
	if p.refusals > 0 {
		p.longestGap = max(p.longestGap, now.Sub(p.lastRefusal))
	}
	p.refusals++
	p.kind = limitedPath
	if isPrompt {
		p.kind = promptPath
	}
}

// startOutage resets the fields that describe a single outage.
func (p *path) startOutage() { p.longestGap, p.refusals = 0, 0 }

// addresses are the addresses of a server. One of them is in use.
type addresses struct {
	paths []path
	index int // the index of the path in use
	tried int // the number of addresses that failed in a row
}

func (a *addresses) current() *path { return &a.paths[a.index] }

// set replaces the addresses. It keeps the paths of addresses that stay, and reports
// whether the address in use stays. If it does not, the first address comes into use.
func (a *addresses) set(addrs []string) (isKept bool) {
	var inUse string
	if len(a.paths) > 0 {
		inUse = a.current().addr
	}
	paths := make([]path, len(addrs))
	for i, addr := range addrs {
		paths[i].addr = addr
		if old := slices.IndexFunc(a.paths, func(p path) bool { return p.addr == addr }); old >= 0 {
			paths[i] = a.paths[old]
		}
	}
	a.paths, a.index, a.tried = paths, max(0, slices.Index(addrs, inUse)), 0
	return slices.Contains(addrs, inUse)
}

// failed records that the address in use failed, and moves on to the next address. It
// reports whether this ends a round: all addresses have failed one after the other.
func (a *addresses) failed() (isRoundOver bool) {
	a.index = (a.index + 1) % len(a.paths)
	if a.tried++; a.tried < len(a.paths) {
		return false
	}
	a.tried = 0
	return true
}
