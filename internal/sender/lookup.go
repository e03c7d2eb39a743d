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
	// lookupTimeout is how long one lookup of a name may take.
	lookupTimeout = 5 * time.Second

	// lookupPause is the shortest time between two lookups.
	lookupPause = time.Second

	// A lookup that failed is repeated after lookupRetry, then after twice as
	// long each time, up to maxLookupRetry.
	lookupRetry    = 100 * time.Millisecond
	maxLookupRetry = 5 * time.Second
)

var errNoAddress = errors.New("the name has no address")

// lookup finds the addresses of a server. It looks the name up at the start,
// then at an interval and when it is asked to. It has a goroutine of its own, so
// that a slow name server delays nothing. If a lookup fails, the addresses that
// were found before stay.
type lookup struct {
	host, port string
	interval   time.Duration
	find       lookupFunc

	mu    sync.Mutex
	addrs []string // with the port
	err   error    // of the last lookup

	changed chan struct{} // holds a token if there is something new for result
	again   chan struct{} // holds a token if a lookup is asked for

	ctx    context.Context // done when the goroutine has to end
	cancel context.CancelFunc
	done   chan struct{} // closed when it is gone
}

// lookupFunc finds the addresses of a host, as net.Resolver.LookupNetIP does.
type lookupFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

// newLookup returns a lookup of the options' address, which does nothing before
// start.
func newLookup(options *Options, find lookupFunc) (*lookup, error) {
	l := &lookup{
		interval: options.ResolveInterval,
		find:     find,
		changed:  make(chan struct{}, 1),
		again:    make(chan struct{}, 1),
		done:     make(chan struct{}),
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

// start starts the goroutine, unless the address is known for good.
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
		if l.look() {
			retry = lookupRetry
		} else {
			wait = retry
			retry = min(2*retry, maxLookupRetry)
		}
		if l.isOver(min(wait, lookupPause), nil) || l.isOver(wait-lookupPause, l.again) {
			return
		}
	}
}

// isOver waits for a time, or until early has a token, and reports whether close
// was called.
func (l *lookup) isOver(wait time.Duration, early <-chan struct{}) bool {
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

// look looks the name up, keeps the result, and reports whether there are
// addresses.
func (l *lookup) look() (ok bool) {
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

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// lookAgain asks for a lookup now. It does not wait for it.
func (l *lookup) lookAgain() { signal(l.again) }

// result returns the addresses that were found last, and the error of the last
// lookup.
func (l *lookup) result() (addrs []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.addrs, l.err
}
