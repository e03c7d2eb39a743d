package sender

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// fakeConn is a conn without a socket.
type fakeConn struct {
	token chan struct{}

	mu         sync.Mutex
	written    []string
	times      []time.Time
	writeErr   error      // what write returns
	known      connStatus // what status returns next
	looks      int        // how often status was called
	renewals   int        // how often renew was called
	hasOld     bool       // renew was called, and closeOld was not called afterwards
	isFinished bool
	isClosed   bool
}

func (c *fakeConn) write(packet []byte, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.writeErr == nil {
		c.written = append(c.written, string(packet))
		c.times = append(c.times, now)
	}
	return c.writeErr
}

func (c *fakeConn) status() connStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	f := c.known
	c.known.refused, c.known.err = nil, nil
	return f
}

func (c *fakeConn) statusChanged() <-chan struct{} { return c.token }

func (c *fakeConn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isFinished = true
}

func (c *fakeConn) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.isClosed = true
}

func (c *fakeConn) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewals++
	c.hasOld = true
}

func (c *fakeConn) closeOld() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hasOld = false
}

// set changes c. It waits until the loop has seen it.
func (c *fakeConn) set(change func()) {
	c.mu.Lock()
	change()
	c.mu.Unlock()
	signal(c.token)
	synctest.Wait()
}

// lookCount returns how often status was called.
func (c *fakeConn) lookCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.looks
}

// hasClosed reports whether close was called.
func (c *fakeConn) hasClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.isClosed
}

// lines returns what was written, without the probes.
func (c *fakeConn) lines() (all []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, packet := range c.written {
		if packet != "" {
			all = append(all, packet)
		}
	}
	return all
}

// fakeNet connects a sender without sockets.
type fakeNet struct {
	s   *Sender
	log *logtest.Buffer

	mu    sync.Mutex
	conns []*fakeConn
	dials []string // addresses

	dialErr       error
	dialTime      time.Duration
	isSelfConnect bool
}

func (n *fakeNet) dial(ctx context.Context, address string) (conn, bool, error) {
	n.mu.Lock()
	n.dials = append(n.dials, address)
	dialTime := n.dialTime
	n.mu.Unlock()
	if dialTime > 0 {
		select {
		case <-time.After(dialTime):
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dialErr != nil {
		return nil, false, n.dialErr
	}
	c := &fakeConn{token: make(chan struct{}, 1)}
	n.conns = append(n.conns, c)
	return c, n.isSelfConnect, nil
}

// last returns the newest connection.
func (n *fakeNet) last() *fakeConn {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.conns[len(n.conns)-1]
}

// connCount returns how many connections were made.
func (n *fakeNet) connCount() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// dialed returns the addresses that the sender connected to.
func (n *fakeNet) dialed() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.dials)
}

// set changes how connections are made.
func (n *fakeNet) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

// inBubble runs a test with a sender on a fake network, in virtual time.
func inBubble(t *testing.T, options Options, test func(*testing.T, *fakeNet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &fakeNet{log: new(logtest.Buffer)}
		options.Logger = slog.New(slog.NewTextHandler(n.log, nil))
		orDefault(&options.Network, UDP)
		orDefault(&options.Address, "192.0.2.1:8125")
		find := func(context.Context, string, string) ([]netip.Addr, error) { return nil, errTest }
		var err error
		if n.s, err = newSender(options, newPolicy(options.Network), find, n.dial); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		test(t, n)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		n.s.Close(ctx)
		checkSum(t, n.s)
		for i, c := range n.conns {
			if !c.hasClosed() {
				t.Errorf("connection %d is not closed", i)
			}
		}
	})
}

// checkSum checks that each line is counted once.
func checkSum(t *testing.T, s *Sender) {
	t.Helper()
	got := s.Stats()
	if got.LinesQueued != got.LinesSent+got.LinesLostShutdown+got.LinesLostTooLarge+got.QueueLines {
		t.Errorf("the sum is wrong: %+v", got)
	}
}

// pass lets time pass.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
