package sender

import (
	"slices"
	"time"
)

// evidence is what the machine has learnt about how a server is missed at an
// address. It is never guessed from the address.
type evidence uint8

const (
	unknown  evidence = iota
	prompt            // UDP: each refusal arrives at once
	limited           // UDP: a host may send fewer refusals than packets are refused
	direct            // streams: nobody accepts connections if the server is away
	balanced          // streams: somebody accepts connections also if the server is away
)

// path is what the machine knows about an address.
type path struct {
	addr     string
	evidence evidence

	lastRefusal time.Time     // also of a failed attempt to connect; zero if there was none
	longestGap  time.Duration // between two refusals while the server was away
	refusals    int           // while the server was away this time
	earlyEnds   int           // connections in a row that ended early, with none refused between them
}

// refused notes a refusal and what it says about the path.
func (p *path) refused(now time.Time, isPrompt bool) {
	if p.refusals > 0 {
		p.longestGap = max(p.longestGap, now.Sub(p.lastRefusal))
	}
	p.refusals++
	p.evidence = limited
	if isPrompt {
		p.evidence = prompt
	}
}

// startOutage forgets what holds for one outage only.
func (p *path) startOutage() { p.longestGap, p.refusals = 0, 0 }

// addresses are the addresses of a server, and which one of them is in use.
type addresses struct {
	paths []path
	index int // of the path in use
	tried int // addresses that failed in a row
}

func (a *addresses) current() *path { return &a.paths[a.index] }

// set replaces the addresses and keeps what is known about those that stay. It
// reports whether the one in use is still there. If it is not, the first one is
// in use.
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

// failed goes on to the next address and reports whether all have failed since
// the last round, or since one of them worked.
func (a *addresses) failed() (isRoundOver bool) {
	a.index = (a.index + 1) % len(a.paths)
	if a.tried++; a.tried < len(a.paths) {
		return false
	}
	a.tried = 0
	return true
}
