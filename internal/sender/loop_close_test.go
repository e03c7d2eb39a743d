package sender

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestCloseIsBounded calls Close while the loop connects, while a server takes
// nothing, and while it does not acknowledge what it took.
func TestCloseIsBounded(t *testing.T) {
	f := func(network string, prepare func(*fakeNet)) {
		inBubble(t, Options{Network: network}, func(t *testing.T, n *fakeNet) {
			pass(5 * time.Second)
			prepare(n)
			send(t, n.s, "a:1|c\nb:1|c")
			pass(100 * time.Millisecond)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			n.s.Close(ctx)
			if passed := time.Since(start); passed != time.Second {
				t.Errorf("%s: Close takes %v, want 1 s", network, passed)
			}
			if got := n.s.Stats(); got.LinesLostShutdown != 2 || got.QueueLines != 0 {
				t.Errorf("%s: %+v", network, got)
			}
			if !strings.Contains(n.log.String(), `msg="metrics lost" count=2 reason=`) {
				t.Errorf("%s: got the log %s", network, n.log)
			}
		})
	}
	for _, network := range []string{UDP, TCP, Unix, Unixgram} {
		f(network, func(n *fakeNet) { n.last().set(func() { n.last().writeErr = errBusy }) })
	}
	f(TCP, func(*fakeNet) {}) // it acknowledges nothing
	f(TCP, func(n *fakeNet) {
		n.set(func() { n.dialTime = time.Hour })
		n.last().set(func() { n.last().known.err = syscall.ETIMEDOUT })
	})
	f(Unixgram, func(n *fakeNet) {
		n.set(func() { n.dialErr = syscall.ENOENT })
		n.last().set(func() { n.last().writeErr = syscall.ECONNREFUSED })
	})
}

// TestCloseEndsADialAtOnce has nothing left to send.
func TestCloseEndsADialAtOnce(t *testing.T) {
	inBubble(t, Options{Network: TCP}, func(t *testing.T, n *fakeNet) {
		n.set(func() { n.dialTime = time.Hour })
		n.last().set(func() { n.last().known.err = syscall.ETIMEDOUT })
		pass(time.Second)
		start := time.Now()
		n.s.Close(t.Context())
		if passed := time.Since(start); passed != 0 {
			t.Errorf("Close takes %v", passed)
		}
	})
}

// TestLossesAreLoggedAtTheEnd has two packets be too large in one second.
func TestLossesAreLoggedAtTheEnd(t *testing.T) {
	inBubble(t, Options{Network: Unixgram, DatagramBytes: 5}, func(t *testing.T, n *fakeNet) {
		n.last().set(func() { n.last().writeErr = syscall.EMSGSIZE })
		for range 3 {
			send(t, n.s, "a:1|c")
		}
		pass(100 * time.Millisecond)
		n.last().set(func() { n.last().writeErr = errBusy })
		send(t, n.s, "b:1|c")
		pass(100 * time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		n.s.Close(ctx)
		log := n.log.String()
		for _, want := range []string{"count=1 reason=\"the packet", "count=2 reason=\"the packet", "count=1 reason=\"statsd took too long\""} {
			if strings.Count(log, want) != 1 {
				t.Errorf("the log has no %s: %s", want, log)
			}
		}
	})
}
