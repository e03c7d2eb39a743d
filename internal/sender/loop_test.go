package sender

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLoopFlushesAfter25ms(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, n *fakeNet) {
		pass(time.Second)
		start := time.Now()
		send(t, n.s, "a:1|c")
		pass(10 * time.Millisecond)
		send(t, n.s, "b:1|c\nc:1|c")
		if got := n.s.Stats(); got.LinesQueued != 3 || got.QueueLines != 3 || got.QueueBytes != 17 {
			t.Errorf("in the queue: %+v", got)
		}
		if age := n.s.Stats().OldestLineAge; age != 10*time.Millisecond {
			t.Errorf("the oldest line is %v old, want 10 ms", age)
		}
		pass(15 * time.Millisecond)
		c := n.last()
		if got := c.lines(); !slices.Equal(got, []string{"a:1|c\nb:1|c\nc:1|c"}) || !c.times[0].Equal(start.Add(25*time.Millisecond)) {
			t.Errorf("got %q after %v", got, c.times[0].Sub(start))
		}
		if got := n.s.Stats(); got.OldestLineAge != 0 || got.LinesSent != 0 {
			t.Errorf("in flight: %+v", got)
		}
		pass(5 * time.Second)
		if n := len(n.s.queue.memory.spare); n != 1 {
			t.Errorf("%d buffers are kept for reuse, want 1", n)
		}
		want := Stats{LinesQueued: 3, LinesSent: 3, BytesSent: 17, PacketsSent: 1, IsUp: true, QueueLimitBytes: DefaultQueueBytes}
		if got := n.s.Stats(); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// TestLoopRests counts how often the loop looks around when there is nothing to
// do.
func TestLoopRests(t *testing.T) {
	for _, network := range []string{UDP, TCP, Unix, Unixgram} {
		inBubble(t, Options{Network: network}, func(t *testing.T, n *fakeNet) {
			send(t, n.s, "a:1|c")
			pass(time.Minute)
			c := n.last()
			c.set(func() { c.known.acked = 6 })
			looks := c.lookCount()
			pass(time.Minute)
			if got := c.lookCount() - looks; network == UDP && got > 0 || network == TCP && got > 1 || got > 60 {
				t.Errorf("%s: the loop looks %d times in an idle minute", network, got)
			}
			if got := n.s.Stats(); got.QueueLines > 0 {
				t.Errorf("%s: %+v", network, got)
			}
		})
	}
}

func TestLoopMapsRefusals(t *testing.T) {
	inBubble(t, Options{DatagramBytes: 5}, func(t *testing.T, n *fakeNet) {
		pass(time.Second)
		for _, line := range []string{"a:1|c", "b:1|c", "c:1|c", "d:1|c"} {
			send(t, n.s, line)
			pass(100 * time.Millisecond)
		}
		c := n.last()
		c.set(func() {
			c.known.refused = []refusedPacket{{quoted: []byte("c:1|c"), err: syscall.ECONNREFUSED, isLoopback: true}}
		})
		if got := n.s.Stats(); got.IsUp || got.QueueLines != 2 || got.LinesSent != 2 || got.SendErrors != 1 {
			t.Errorf("away: %+v", got)
		}
		if !c.hasClosed() || !strings.Contains(n.log.String(), `msg="statsd is away, metrics wait" address=192.0.2.1:8125 error="connection refused"`) {
			t.Errorf("got the log %s", n.log)
		}
		pass(200 * time.Millisecond)
		if got := n.last().lines(); !slices.Equal(got, []string{"c:1|c", "d:1|c"}) {
			t.Errorf("then got %q", got)
		}
		if got := n.s.Stats(); !got.IsUp || got.Reconnects != 1 {
			t.Errorf("back: %+v", got)
		}
		if !strings.Contains(n.log.String(), `msg="statsd is back" address=192.0.2.1:8125 after=120ms waiting_bytes=5`) {
			t.Errorf("got the log %s", n.log)
		}
		pass(time.Second)
		c = n.last()
		send(t, n.s, "e:1|c")
		c.set(func() { c.writeErr = syscall.ECONNREFUSED }) // the error of an earlier packet
		pass(100 * time.Millisecond)
		if !c.hasClosed() {
			t.Error("the connection stays open after a failed write")
		}
	})
}

// TestLoopLearnsHowRefusalsCome has a refusal come from another host, and from
// our own, which has not found the server's.
func TestLoopLearnsHowRefusalsCome(t *testing.T) {
	f := func(r refusedPacket, e pathKind, sent int) {
		inBubble(t, Options{DatagramBytes: 5}, func(t *testing.T, n *fakeNet) {
			pass(time.Second)
			for _, line := range []string{"a:1|c", "b:1|c", "c:1|c"} {
				send(t, n.s, line)
				pass(100 * time.Millisecond)
			}
			c := n.last()
			r.quoted = []byte("c:1|c")
			c.set(func() { c.known.refused = []refusedPacket{r} })
			if got := n.s.loop.machine.addrs.current().kind; got != e {
				t.Errorf("%+v: got kind %d, want %d", r, got, e)
			}
			if got := n.s.Stats().LinesSent; got != uint64(sent) {
				t.Errorf("%+v: %d lines were sent, want %d", r, got, sent)
			}
		})
	}
	f(refusedPacket{err: syscall.ECONNREFUSED, isLoopback: true}, promptPath, 2)
	f(refusedPacket{err: syscall.ECONNREFUSED}, limitedPath, 2)
	f(refusedPacket{err: syscall.EHOSTUNREACH}, limitedPath, 2)
	f(refusedPacket{err: syscall.EHOSTUNREACH, isLoopback: true}, limitedPath, 2)
	f(refusedPacket{err: syscall.EHOSTUNREACH, isLoopback: true, isNoNeighbor: true}, unknownPath, 0)
}

// TestLoopSendsTheRestOfAStreamAgain has a connection break within a packet.
func TestLoopSendsTheRestOfAStreamAgain(t *testing.T) {
	f := func(acked int, want string) {
		inBubble(t, Options{Network: TCP}, func(t *testing.T, n *fakeNet) {
			pass(5 * time.Second)
			send(t, n.s, "aa:1|c\nbb:1|c\ncc:1|c")
			pass(100 * time.Millisecond)
			c := n.last()
			c.set(func() { c.known.acked, c.known.err = acked, syscall.ECONNRESET })
			pass(time.Second)
			if got := strings.Join(n.last().lines(), "|"); got != want {
				t.Errorf("%d bytes have arrived: then got %q, want %q", acked, got, want)
			}
			pass(5 * time.Second)
			n.last().set(func() { n.last().known.acked = len(want) + 1 })
			if got := n.s.Stats(); got.QueueLines != 0 || got.QueueBytes != 0 || got.BytesSent != 20 {
				t.Errorf("%d bytes have arrived: %+v", acked, got)
			}
		})
	}
	f(0, "aa:1|c\nbb:1|c\ncc:1|c")
	f(6, "aa:1|c\nbb:1|c\ncc:1|c")
	f(7, "bb:1|c\ncc:1|c")
	f(13, "bb:1|c\ncc:1|c")
	f(14, "cc:1|c")
	f(20, "cc:1|c")
	f(21, "")
}

// TestLoopConfirmsAStream looks at the kernel's counter while packets are in
// flight.
func TestLoopConfirmsAStream(t *testing.T) {
	inBubble(t, Options{Network: TCP}, func(t *testing.T, n *fakeNet) {
		pass(5 * time.Second)
		send(t, n.s, "a:1|c")
		pass(100 * time.Millisecond)
		c := n.last()
		c.mu.Lock()
		c.known.acked = 6
		c.mu.Unlock()
		pass(20 * time.Millisecond)
		if got := n.s.Stats(); got.LinesSent != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestLoopFollowsAReplacedSocket(t *testing.T) {
	inBubble(t, Options{Network: Unixgram, Address: "/run/statsd.sock"}, func(t *testing.T, n *fakeNet) {
		c := n.last()
		c.mu.Lock()
		c.known.isReplaced = true
		c.mu.Unlock()
		pass(time.Second)
		if n.connCount() != 2 || !c.hasClosed() {
			t.Errorf("%d connections, want a second one", n.connCount())
		}
	})
}

func TestLoopReportsFailedDials(t *testing.T) {
	inBubble(t, Options{Network: TCP}, func(t *testing.T, n *fakeNet) {
		n.set(func() { n.dialErr = syscall.ECONNREFUSED })
		n.last().set(func() { n.last().known.err = syscall.ETIMEDOUT })
		pass(10 * time.Second)
		got := n.s.Stats()
		if got.IsUp || got.SendErrors < 11 || got.SendErrors > 25 {
			t.Errorf("%+v: want one or two failed attempts a second", got)
		}
		if got := strings.Count(n.log.String(), "statsd is away"); got != 1 {
			t.Errorf("%d entries of the log, want 1", got)
		}
		n.set(func() { n.dialErr, n.isSelfConnect = nil, true })
		pass(2 * time.Second)
		if n.s.Stats().IsUp || !n.last().hasClosed() {
			t.Error("a socket that is connected to itself is used")
		}
		n.set(func() { n.isSelfConnect = false })
		pass(2 * time.Second)
		if !n.s.Stats().IsUp {
			t.Error("the server is not up again")
		}
	})
}

// TestRefusalWithoutAPacket has a write fail, and nothing come back: that says
// nothing about the packets in flight, or about the path.
func TestRefusalWithoutAPacket(t *testing.T) {
	inBubble(t, Options{DatagramBytes: 5}, func(t *testing.T, n *fakeNet) {
		pass(time.Second)
		for _, line := range []string{"a:1|c", "b:1|c"} {
			send(t, n.s, line)
			pass(100 * time.Millisecond)
		}
		c := n.last()
		c.set(func() { c.writeErr = syscall.ENETUNREACH })
		send(t, n.s, "c:1|c")
		pass(50 * time.Millisecond)
		if got := n.s.Stats(); got.LinesSent != 2 || got.QueueLines != 1 || got.IsUp {
			t.Errorf("got %+v", got)
		}
		if got := n.s.loop.machine.addrs.current().kind; got != limitedPath {
			t.Errorf("got kind %d, want %d", got, limitedPath)
		}
	})
}

// TestOldestLine has one packet wait.
func TestOldestLine(t *testing.T) {
	inBubble(t, Options{Network: Unixgram}, func(t *testing.T, n *fakeNet) {
		n.last().set(func() { n.last().writeErr = errBusy })
		send(t, n.s, "a:1|c")
		pass(time.Second)
		if age := n.s.Stats().OldestLineAge; age != time.Second {
			t.Errorf("the oldest line is %v old, want 1 s", age)
		}
		// A line that follows is younger.
		send(t, n.s, "b:1|c")
		pass(time.Second)
		n.last().set(func() { n.last().writeErr = nil })
		pass(10 * time.Millisecond)
		if age := n.s.Stats().OldestLineAge; age != 0 {
			t.Errorf("the oldest line is %v old, want none", age)
		}
	})
}

// TestFullSocketKeepsNothingUp has a socket be full: new lines are queued, and
// the queue has room again as soon as packets are written.
func TestFullSocketKeepsNothingUp(t *testing.T) {
	inBubble(t, Options{Network: Unixgram, DatagramBytes: 5, QueueBytes: 50}, func(t *testing.T, n *fakeNet) {
		c := n.last()
		c.set(func() { c.writeErr = errBusy })
		for range 11 {
			send(t, n.s, "a:1|c")
		}
		if err := n.s.Send([]byte("a:1|c"), []int{5}); !errors.Is(err, ErrQueueFull) {
			t.Fatalf("got %v, want %v", err, ErrQueueFull)
		}
		pass(time.Second)
		if err := n.s.Send([]byte("a:1|c"), []int{5}); !errors.Is(err, ErrQueueFull) {
			t.Fatalf("a second later got %v, want %v", err, ErrQueueFull)
		}
		if age := n.s.Stats().OldestLineAge; age != time.Second {
			t.Errorf("the oldest line is %v old, want 1 s", age)
		}
		c.set(func() { c.writeErr = nil })
		pass(10 * time.Millisecond)
		send(t, n.s, "b:1|c")
		pass(100 * time.Millisecond)
		if got := len(c.lines()); got != 12 {
			t.Errorf("%d packets were written, want 12", got)
		}
	})
}
