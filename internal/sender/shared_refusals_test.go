package sender

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// refusalLimit decides which refusals a host sends to another one, as icmp_ratelimit of
// Linux does: one a second, and up to six at once if it has sent none for six seconds.
type refusalLimit struct {
	credit time.Duration
	last   time.Time
}

// allows reports whether the host refuses a packet that arrives now.
func (l *refusalLimit) allows(now time.Time) bool {
	const (
		tick     = 4 * time.Millisecond // of the kernel's clock
		interval = time.Second
	)
	now = now.Truncate(tick)
	l.credit = min(l.credit+now.Sub(l.last), 6*interval)
	l.last = now
	if l.credit < interval {
		return false
	}
	l.credit -= interval
	return true
}

// sharedHost is a host with a server for each of several senders, all on one other host.
// The servers go away and come back together.
type sharedHost struct {
	now     time.Time
	random  *rand.Rand
	limit   refusalLimit
	isAway  bool
	senders []*sharingSender

	otherInterval time.Duration // between two packets of another program; 0 if there is none
	otherAt       time.Time     // when its next packet arrives
}

// sharingSender is a machine with a loop in virtual time, and what its server received.
type sharingSender struct {
	host      *sharedHost
	machine   *machine
	wakeAt    time.Time
	queueAt   time.Time // when the next packet is full
	refusedAt time.Time // when the refusal that is on its way arrives; zero if there is none
	refused   uint64    // the packet that it quotes
	received  []int     // by packet: how often the server received it
	certainAt time.Time // when the machine was last in doubt
}

const (
	queueInterval = 25 * time.Millisecond // between two packets that become full
	delay         = time.Millisecond      // the maximum delay of a timer, and of a packet and its refusal
)

// upTo returns a random duration.
func (h *sharedHost) upTo(d time.Duration) time.Duration {
	return time.Duration(h.random.Int64N(int64(d) + 1))
}

// newSharedHost returns a host with servers for so many senders.
func newSharedHost(seed uint64, senders int, otherInterval time.Duration) *sharedHost {
	h := &sharedHost{now: time.Unix(1000, 0), random: rand.New(rand.NewPCG(seed, seed)), otherInterval: otherInterval}
	h.otherAt = h.now.Add(h.upTo(otherInterval))
	for range senders {
		c := &sharingSender{host: h, machine: newMachine(newPolicy(UDP), h.random.Uint64())}
		c.wakeAt = h.now.Add(h.upTo(queueInterval))
		c.queueAt = c.wakeAt
		c.machine.handle(h.now, event{kind: evResolved, addrs: []string{"a"}})
		h.senders = append(h.senders, c)
	}
	return h
}

// run lets time pass.
func (h *sharedHost) run(length time.Duration) {
	end := h.now.Add(length)
	for {
		next := h.senders[0]
		for _, c := range h.senders[1:] {
			if c.wakeAt.Before(next.wakeAt) {
				next = c
			}
		}
		switch {
		case h.otherInterval > 0 && h.otherAt.Before(next.wakeAt) && h.otherAt.Before(end):
			if h.isAway {
				h.limit.allows(h.otherAt.Add(h.upTo(delay / 2)))
			}
			h.otherAt = h.otherAt.Add(h.otherInterval)
		case next.wakeAt.Before(end):
			h.now = next.wakeAt
			next.step()
		default:
			h.now = end
			return
		}
	}
}

// step handles what has happened and carries out one action.
func (c *sharingSender) step() {
	h, m := c.host, c.machine
	for !c.queueAt.After(h.now) {
		c.queueAt = c.queueAt.Add(queueInterval)
		c.received = append(c.received, 0)
		m.handle(h.now, event{kind: evPacketSealed, n: 460, lines: 1})
	}
	if m.state != up || !m.doubtUntil.IsZero() {
		c.certainAt = h.now
	}
	m.handle(h.now, event{kind: evTick})
	a := m.next(h.now)
	isRefused := !c.refusedAt.IsZero() && !c.refusedAt.After(h.now)
	if isRefused && (a.kind == actWait || a.kind == actCheck) {
		c.refusedAt = time.Time{}
		m.handle(h.now, event{kind: evRefused, seq: c.refused, err: errTest})
		c.wakeAt = h.now
		return
	}
	c.wakeAt = h.now.Add(10 * time.Microsecond)
	switch a.kind {
	case actWait:
		at := earlier(earlier(c.queueAt, a.until), c.refusedAt)
		c.wakeAt = at.Add(h.upTo(delay))
	case actWrite:
		c.send(a.seq, false)
		m.handle(h.now, event{kind: evWrote, seq: a.seq})
	case actProbe:
		c.send(m.packets.nextSeq(), true)
		m.handle(h.now, event{kind: evActionDone, done: actProbe})
	case actCheck:
		m.handle(h.now, event{kind: evChecked, checkedAt: h.now})
	case actDial:
		m.handle(h.now, event{kind: evActionDone, done: actDial})
		m.handle(h.now, event{kind: evDialed})
	default:
		if a.kind == actClose {
			c.refusedAt = time.Time{} // the socket that would get the refusal is closed
		}
		m.handle(h.now, event{kind: evActionDone, done: a.kind})
	}
}

// send sends packet seq, or a probe before it, to the server.
func (c *sharingSender) send(seq uint64, isProbe bool) {
	h := c.host
	switch {
	case h.isAway && h.limit.allows(h.now) && c.refusedAt.IsZero():
		c.refusedAt, c.refused = h.now.Add(h.upTo(delay)), seq
	case !h.isAway && !isProbe:
		c.received[seq]++
	}
}

// TestSharedRefusals has the host of a server that is away send one refusal a second to
// all senders and another program. No sender may conclude that the server is back before
// it is, since what it then writes is lost if the server comes back before a refusal does.
func TestSharedRefusals(t *testing.T) {
	for _, test := range []struct {
		senders int
		other   time.Duration // between two packets of another program
	}{
		{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}, {6, 0},
		{1, 400 * time.Millisecond}, {1, 100 * time.Millisecond}, {1, 20 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("%d senders, another program each %v", test.senders, test.other), func(t *testing.T) {
			t.Parallel()
			for seed := range sharedSeeds {
				h := newSharedHost(seed, test.senders, test.other)
				h.run(time.Second + h.upTo(time.Second))
				h.isAway = true
				h.run(time.Second + h.upTo(20*time.Second))
				for i, c := range h.senders {
					if c.machine.state == up {
						t.Errorf("seed %d: sender %d takes the server for up, but it is away", seed, i)
					}
				}
				h.isAway = false
				back := h.now
				h.run(time.Minute)
				for i, c := range h.senders {
					c.check(t, fmt.Sprintf("seed %d: sender %d", seed, i), back)
				}
			}
		})
	}
}

// sharedSeeds is the number of outages for each case of TestSharedRefusals. With 150 of
// them the test passes, too.
const sharedSeeds = uint64(5)

// check checks what the server received. It came back at the time back.
func (c *sharingSender) check(t *testing.T, what string, back time.Time) {
	t.Helper()
	p := c.machine.policy
	if limit := p.maxSilence + p.silence + time.Second; c.certainAt.Sub(back) > limit {
		t.Errorf("%s: still in doubt after %v, want at most %v", what, c.certainAt.Sub(back), limit)
	}
	lost, doubled := 0, 0
	for _, times := range c.received[:c.machine.packets.firstSeq()] {
		switch {
		case times == 0:
			lost++
		case times > 1:
			doubled++
		}
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("%s: got %d packets lost and %d doubled of %d, want 0", what, lost, doubled, len(c.received))
	}
}
