package sender

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// refuse puts a refused packet into the error queue of c. The loop gets no signal, as if
// the process had been paused: when it continues, the loop may see its timer first.
func (c *fakeConn) refuse(packet string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuseLocked(packet)
}

// refuseLocked does the work of refuse. The caller holds c.mu.
func (c *fakeConn) refuseLocked(packet string) {
	c.known.refused = []refusedPacket{{quoted: []byte(packet), err: syscall.ECONNREFUSED, isLoopback: true}}
}

// silenceCheck checks that a machine concludes nothing from the silence after the last
// check of the connection.
type silenceCheck struct {
	t         *testing.T
	m         *machine
	checkedAt time.Time

	last    machine // the machine before the event
	written []packet
	timeout time.Duration
}

// before prepares for an event.
func (s *silenceCheck) before(e event) {
	if e.kind == evChecked {
		s.checkedAt = e.checkedAt
	}
	s.last, s.written = *s.m, slices.Clone(s.m.packets.written())
	if len(s.m.addrs.paths) > 0 {
		s.timeout = s.m.refusalTimeout()
	}
}

// after checks what m concluded from the event.
func (s *silenceCheck) after(e event) {
	s.t.Helper()
	m, last := s.m, &s.last
	if last.state == probing && m.state == up && s.checkedAt.Before(last.upAt) {
		s.t.Fatalf("%v: the server counts as up at %v, but the last check was at %v", e, last.upAt, s.checkedAt)
	}
	if last.state == up && m.state == up && m.doubtUntil.IsZero() && s.checkedAt.Before(last.doubtUntil) {
		s.t.Fatalf("%v: the doubt ends at %v, but the last check was at %v", e, last.doubtUntil, s.checkedAt)
	}
	if !m.policy.isUDP || e.kind == evRefused || e.kind == evWrote || e.kind == evTooLong || last.packets.writtenBytes > m.policy.maxInFlight {
		return // the event confirms packets, or too many bytes are in flight
	}
	for _, p := range s.written[:min(m.packets.firstSeq()-last.packets.firstSeq(), uint64(len(s.written)))] {
		switch {
		case s.checkedAt.Sub(p.sent) >= s.timeout:
		case last.state == finishing && !s.checkedAt.Before(last.finishDeadline):
		case m.state == done: // the machine gave up
		default:
			s.t.Fatalf("%v: a packet of %v is confirmed, but the last check was at %v", e, p.sent, s.checkedAt)
		}
	}
}

// TestLoopChecksBeforeItConcludes refuses a packet in each state in which silence means
// that the server has the packets.
func TestLoopChecksBeforeItConcludes(t *testing.T) {
	keepsTheLine := func(t *testing.T, n *fakeNet) {
		t.Helper()
		if got := n.s.Stats(); got.LinesSent != 0 || got.QueueLines != 1 {
			t.Errorf("a packet was refused: got %+v, want the line in the queue", got)
		}
	}
	f := func(name string, test func(*testing.T, *fakeNet)) {
		t.Run(name, func(t *testing.T) { inBubble(t, Options{}, test) })
	}
	f("refusal timeout", func(t *testing.T, n *fakeNet) {
		pass(time.Second)
		send(t, n.s, "a:1|c")
		pass(time.Second)
		n.last().refuse("a:1|c")
		n.set(func() { n.dialErr = errTest })
		pass(4 * time.Second)
		keepsTheLine(t, n)
	})
	f("probing", func(t *testing.T, n *fakeNet) {
		pass(time.Second)
		n.last().set(func() { n.last().refuseLocked("") })
		send(t, n.s, "a:1|c")
		pass(100 * time.Millisecond)
		if got := n.last().lines(); len(got) != 1 {
			t.Fatalf("got %q, want the line", got)
		}
		n.last().refuse("a:1|c")
		n.set(func() { n.dialErr = errTest })
		pass(50 * time.Millisecond)
		keepsTheLine(t, n)
	})
}

// TestLoopKeepsABusyProbeApart has the socket have no room for probes while the server is
// in doubt. That is no refusal, so nothing is written again.
func TestLoopKeepsABusyProbeApart(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, n *fakeNet) {
		pass(time.Second)
		n.last().set(func() { n.last().known.refused = []refusedPacket{{err: syscall.ECONNREFUSED}} })
		pass(n.s.loop.machine.policy.sharedSilence + time.Second)
		send(t, n.s, "a:1|c")
		pass(100 * time.Millisecond)
		c := n.last()
		if got := c.lines(); !slices.Equal(got, []string{"a:1|c"}) || n.s.loop.machine.doubtUntil.IsZero() {
			t.Fatalf("got %q, want a line that may be refused", got)
		}
		c.set(func() { c.writeErr = errBusy })
		pass(100 * time.Millisecond)
		if got := n.s.Stats(); c.hasClosed() || !got.IsUp || got.SendErrors != 1 {
			t.Errorf("got %+v, want the connection open and no further error; the log is %s", got, n.log)
		}
	})
}

// TestMachineConcludesAfterAPause pauses the process until the silence has lasted long
// enough. The check that follows finds a refused packet.
func TestMachineConcludesAfterAPause(t *testing.T) {
	refused := event{kind: evRefused, seq: 0, err: errTest, isPrompt: true}
	other := event{kind: evPacketOpened} // the loop may receive it before the refused packet
	start := func() *harness {
		d := connected(t, newPolicy(UDP))
		d.after(time.Second)
		d.on(refused)
		d.want("close", "lookup", "away", "wait 100ms")
		d.after(100 * time.Millisecond)
		d.want("dial a")
		d.on(event{kind: evDialed})
		d.queued(2)
		d.want("write 0", "wait 20ms")
		return d
	}
	d := start() // probing
	d.pause(time.Hour)
	d.on(other)
	d.is(probing)
	if a := d.m.next(d.now); a.kind != actCheck {
		t.Fatalf("got %v, want a check", a)
	}
	d.on(refused)
	d.want("close", "lookup", "wait 100ms")
	d.holds(2, 0)

	d = start() // up
	d.after(20 * time.Millisecond)
	d.want("back", "confirm 1")
	d.run(10 * time.Millisecond)
	d.holds(0, 1)
	d.pause(time.Hour)
	d.on(other)
	d.holds(0, 1)
	if a := d.m.next(d.now); a.kind != actCheck {
		t.Fatalf("got %v, want a check", a)
	}
	refused.seq = 1
	d.on(refused)
	d.want("close", "lookup", "away")
	d.holds(1, 0)

	d = start() // finishing
	d.after(20 * time.Millisecond)
	d.want("back", "confirm 1")
	d.run(10 * time.Millisecond)
	d.holds(0, 1)
	d.on(event{kind: evResolved, addrs: []string{"b"}})
	d.want("moved a", "finish", "check")
	d.pause(time.Hour)
	d.on(other)
	d.is(finishing)
	d.want("check", "close", "confirm 1")
}

// TestMachineChecksAStreamAfterAPause has a load balancer end a connection during the
// pause, before the doubt ends.
func TestMachineChecksAStreamAfterAPause(t *testing.T) {
	d := connected(t, newPolicy(TCP))
	d.queued(1)
	d.run(time.Second)
	d.acked(1)
	d.pause(time.Hour)
	d.on(event{kind: evPacketOpened})
	d.holds(0, 1)
	if a := d.m.next(d.now); a.kind != actCheck {
		t.Fatalf("got %v, want a check", a)
	}
	d.on(reset)
	d.want("close", "lookup", "away", "dial a")
	d.on(event{kind: evDialed}) // a load balancer accepts it
	d.holds(1, 0)
}
