package sender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// lookupTimeout is the maximum time of a lookup.
	lookupTimeout = 5 * time.Second

	// lookupPause is the minimum time between two lookups.
	lookupPause = time.Second

	// A failed lookup is repeated after lookupRetry. The time doubles with each
	// further failure, up to maxLookupRetry.
	lookupRetry    = 100 * time.Millisecond
	maxLookupRetry = 5 * time.Second
)

var errNoAddress = errors.New("the name has no address")

// lookup finds the addresses of a server. It looks up the name at the start, at each
// interval and on request. It does so in a goroutine of its own, so that a slow name
// server delays nothing else. When a lookup fails, the addresses found before stay.
type lookup struct {
	host, port string
	interval   time.Duration
	find       lookupFunc

	mu    sync.Mutex
	addrs []string // with the port
	err   error    // of the last lookup

	changed   chan struct{} // receives an element when result changes
	requested chan struct{} // receives an element when a lookup is requested

	ctx    context.Context // done when close is called
	cancel context.CancelFunc
	done   chan struct{} // closed when the goroutine has ended
}

// lookupFunc finds the addresses of a host, as net.Resolver.LookupNetIP does.
type lookupFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

// newLookup returns a lookup for options.Address. It does nothing before start.
func newLookup(options *Options, find lookupFunc) (*lookup, error) {
	l := &lookup{
		interval:  options.ResolveInterval,
		find:      find,
		changed:   make(chan struct{}, 1),
		requested: make(chan struct{}, 1),
		done:      make(chan struct{}),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	if options.Network == Unixgram || options.Network == Unix {
		l.addrs = []string{options.Address}
		return l, nil
	}
	var err error
	if l.host, l.port, err = net.SplitHostPort(options.Address); err != nil {
		return nil, fmt.Errorf("read statsd's address: %w", err)
	}
	if _, err := netip.ParseAddr(l.host); err == nil {
		l.addrs = []string{options.Address}
	} else {
		l.err = fmt.Errorf("look up %q: not answered yet", l.host)
	}
	return l, nil
}

// start starts the goroutine, unless the address is an IP address or a path, which need
// no lookup.
func (l *lookup) start() {
	if len(l.addrs) > 0 {
		close(l.done)
		return
	}
	go l.run()
}

func (l *lookup) close() {
	l.cancel()
	<-l.done
}

func (l *lookup) run() {
	defer close(l.done)
	for retry := lookupRetry; ; {
		wait := max(l.interval, lookupPause)
		if l.resolve() {
			retry = lookupRetry
		} else {
			wait = retry
			retry = min(2*retry, maxLookupRetry)
		}
		if l.isClosed(min(wait, lookupPause), nil) || l.isClosed(wait-lookupPause, l.requested) {
			return
		}
	}
}

// isClosed waits for a time, or until early receives an element, and reports whether
// close was called meanwhile.
func (l *lookup) isClosed(wait time.Duration, early <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	case <-l.ctx.Done():
		return true
	}
	return false
}

// resolve looks up the name once, stores the result and reports whether it found an
// address.
func (l *lookup) resolve() (ok bool) {
	ctx, cancel := context.WithTimeout(l.ctx, lookupTimeout)
	defer cancel()
	found, err := l.find(ctx, "ip", l.host)
	if err == nil && len(found) == 0 {
		err = errNoAddress
	}
	if l.ctx.Err() != nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		isNew := l.err == nil || len(l.addrs) == 0
		l.err = fmt.Errorf("look up %q: %w", l.host, err)
		if isNew {
			signal(l.changed)
		}
		return false
	}
	addrs := make([]string, len(found))
	for i, a := range found {
		addrs[i] = net.JoinHostPort(a.Unmap().String(), l.port)
	}
	l.err = nil
	if !sameSet(l.addrs, addrs) {
		l.addrs = addrs
		signal(l.changed)
	}
	return true
}

// sameSet reports whether a and b have the same elements in any order.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// request asks for a lookup now. It does not wait for the result.
func (l *lookup) request() { signal(l.requested) }

// result returns the addresses of the last successful lookup, and the error of the last
// lookup.
func (l *lookup) result() (addrs []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addrs, l.err
}
