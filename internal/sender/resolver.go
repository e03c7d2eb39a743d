package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// lookupTime is how long one lookup of a name may take.
	lookupTime = 5 * time.Second

	// lookupPause is the least time between two lookups.
	lookupPause = time.Second
)

var errNoAddress = errors.New("the name has no address")

// resolver knows where StatsD is. It looks its name up at the start, from time
// to time and when it is asked to, in a goroutine of its own, so that nobody
// waits for a slow name server. While a lookup fails the addresses found before
// stay in use.
type resolver struct {
	host, port string
	interval   time.Duration
	lookup     lookupFunc
	log        *slog.Logger

	mu        sync.Mutex
	addresses []string // with the port
	err       error    // of the last lookup

	changed chan struct{} // holds a token when addresses has changed
	again   chan struct{} // holds a token when a lookup is asked for

	ctx    context.Context // done when the goroutine has to end
	cancel context.CancelFunc
	done   chan struct{} // closed when it is gone
}

// lookupFunc finds the addresses of a host, as net.Resolver.LookupNetIP does.
type lookupFunc func(ctx context.Context, network, host string) ([]netip.Addr, error)

// newResolver returns a resolver of the options' address, which does nothing
// before start.
func newResolver(options *Options, lookup lookupFunc) (*resolver, error) {
	r := &resolver{
		interval: options.ResolveInterval,
		lookup:   lookup,
		log:      options.Logger,
		changed:  make(chan struct{}, 1),
		again:    make(chan struct{}, 1),
		done:     make(chan struct{}),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if options.Network == Unixgram || options.Network == Unix {
		r.addresses = []string{options.Address}
		return r, nil
	}
	var err error
	if r.host, r.port, err = net.SplitHostPort(options.Address); err != nil {
		return nil, fmt.Errorf("read statsd's address: %w", err)
	}
	if _, err := netip.ParseAddr(r.host); err == nil {
		r.addresses = []string{options.Address}
	}
	return r, nil
}

// start starts the goroutine, unless the address is known for good.
func (r *resolver) start() {
	if len(r.addresses) > 0 {
		close(r.done)
		return
	}
	r.err = fmt.Errorf("look up %q: not answered yet", r.host)
	go r.run()
}

func (r *resolver) close() {
	r.cancel()
	<-r.done
}

func (r *resolver) run() {
	defer close(r.done)
	for backoff := retryInterval; ; {
		err := r.look()
		wait := max(r.interval, lookupPause)
		if err != nil {
			wait = backoff
			backoff = min(2*backoff, maxBackoff)
		} else {
			backoff = retryInterval
		}
		if r.isOver(min(wait, lookupPause), nil) || r.isOver(wait-lookupPause, r.again) {
			return
		}
	}
}

// isOver waits for a time, or until something comes from early, and tells
// whether close was called.
func (r *resolver) isOver(wait time.Duration, early <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	case <-r.ctx.Done():
		return true
	}
	return false
}

// look looks the name up and notes what it has found.
func (r *resolver) look() error {
	ctx, cancel := context.WithTimeout(r.ctx, lookupTime)
	defer cancel()
	found, err := r.lookup(ctx, "ip", r.host)
	if err == nil && len(found) == 0 {
		err = errNoAddress
	}
	if r.ctx.Err() != nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		err = fmt.Errorf("look up %q: %w", r.host, err)
		if r.err == nil || len(r.addresses) == 0 {
			r.log.Warn("cannot find statsd, metrics wait", "error", err)
		}
		r.err = err
		return err
	}
	addresses := make([]string, len(found))
	for i, a := range found {
		addresses[i] = net.JoinHostPort(a.Unmap().String(), r.port)
	}
	r.err = nil
	if !sameSet(r.addresses, addresses) {
		r.addresses = addresses
		signal(r.changed)
	}
	return nil
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// lookAgain asks for a lookup now. It does not wait for it.
func (r *resolver) lookAgain() { signal(r.again) }

// pick returns the address to use: current while it is one, with next the one
// behind it. The error says why there is none.
func (r *resolver) pick(current string, next bool) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.addresses) == 0 {
		return "", r.err
	}
	i := slices.Index(r.addresses, current)
	if i >= 0 && next {
		i = (i + 1) % len(r.addresses)
	}
	return r.addresses[max(i, 0)], nil
}

// has tells whether an address is one of StatsD's.
func (r *resolver) has(address string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.addresses, address)
}
