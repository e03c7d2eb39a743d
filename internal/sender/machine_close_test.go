package sender

import (
	"testing"
	"time"
)

// closing hands the machine Close, with the time that it has.
func (d *harness) closing(timeout time.Duration) {
	d.on(event{kind: evClosing, deadline: d.now.Add(timeout)})
}

func TestMachineClosesWithNothingLeft(t *testing.T) {
	d := newHarness(t, newPolicy(UDP))
	d.closing(time.Hour)
	d.want("seal", "done")

	d.m = newMachine(newPolicy(UDP), 1)
	d.on(event{kind: evResolved, addrs: []string{"a"}})
	d.want("dial a")
	d.closing(time.Hour)
	d.want("seal", "done") // the loop ends the attempt

	d = connected(t, newPolicy(UDP))
	d.closing(time.Hour)
	d.want("seal", "close", "done")

	d = connected(t, newPolicy(TCP))
	d.closing(time.Hour)
	d.want("seal", "finish", "close", "done")

	d = connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest})
	d.want("close", "lookup", "away")
	d.closing(time.Hour)
	d.want("seal", "done")

	// Undecided about nothing.
	d = connected(t, newPolicy(TCP))
	d.on(reset)
	d.want("close", "lookup", "away")
	d.closing(time.Hour)
	d.want("seal", "done")
}

// TestMachineSendsTheRest has the queue hold lines still when Close is called.
func TestMachineSendsTheRest(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.after(time.Second)
	d.on(event{kind: evPacketOpened})
	d.on(event{kind: evClosing}) // without a limit
	if a := d.m.next(d.now); a.kind != actSeal {
		t.Fatalf("got %v, want the queue to be emptied", a)
	}
	d.queued(2)
	d.on(event{kind: evActionDone, done: actSeal})
	d.want("write 0", "write 1", "finish", "check", "wait 5ms")
	d.after(99 * time.Millisecond)
	d.is(finishing)
	d.after(time.Millisecond)
	d.want("close", "confirm 2", "done")
}

// TestMachineWaitsForARefusalBeforeItCloses closes while one packet is in flight to a
// server that may be away. This host may refuse it late.
func TestMachineWaitsForARefusalBeforeItCloses(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest, isFromOwnHost: true})
	d.run(0)
	d.after(100 * time.Millisecond)
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.queued(1)
	d.want("write 0")
	d.closing(time.Minute)
	if got := d.run(time.Second); count(got, "finish") > 0 || count(got, "confirm") > 0 {
		t.Errorf("got %q, want a wait for a refusal", got)
	}
	d.is(probing)
	d.on(event{kind: evRefused, err: errTest, isFromOwnHost: true})
	d.holds(1, 0)
}

// TestMachineClosesInEachState has a server that is away, does not answer, or
// takes nothing: Close is over when its time is.
func TestMachineClosesInEachState(t *testing.T) {
	f := func(what string, want int, d *harness) {
		t.Run(what, func(t *testing.T) {
			d.t = t
			d.closing(time.Second)
			start := d.now
			actions := d.run(2 * time.Second)
			d.is(done)
			if d.now.Sub(start) > time.Second {
				t.Errorf("it takes %v, want at most a second", d.now.Sub(start))
			}
			lost := 0
			for _, a := range actions {
				if a == "drop 2 lines: shutdown" {
					lost = 2
				}
				if a == "drop 4 lines: shutdown" {
					lost = 4
				}
			}
			if lost != want {
				t.Errorf("%d lines are lost, want %d: %v", lost, want, actions)
			}
		})
	}
	queued := func(d *harness, packets int) *harness {
		d.queued(packets)
		return d
	}
	f("no address", 2, queued(newHarness(t, newPolicy(UDP)), 1))

	d := newHarness(t, newPolicy(TCP))
	d.on(event{kind: evResolved, addrs: []string{"a"}})
	d.want("dial a")
	f("dialing", 2, queued(d, 1))

	d = connected(t, newPolicy(TCP))
	d.on(stall)
	d.run(0)
	d.on(event{kind: evDialFailed, err: errTest})
	d.run(0)
	f("paused", 2, queued(d, 1))

	d = connected(t, newPolicy(TCP))
	d.queued(1)
	d.run(time.Millisecond)
	d.on(event{kind: evBlocked})
	f("a server that does not read", 4, queued(d, 1))

	d = trusted(t, TCP)
	d.queued(2)
	d.run(time.Millisecond)
	d.acked(1)
	f("a server that acknowledges nothing", 2, d)

	d = trusted(t, TCP)
	d.queued(1)
	d.run(time.Millisecond)
	d.on(ended)
	d.run(time.Millisecond)
	f("finishing", 2, d)

	d = trusted(t, TCP)
	d.queued(1)
	d.run(time.Millisecond)
	d.on(event{kind: evResolved, addrs: []string{"b"}})
	d.run(time.Millisecond)
	f("moving", 2, d)

	d = connected(t, newPolicy(TCP))
	d.queued(1)
	d.run(time.Millisecond)
	d.on(reset)
	f("undecided", 2, d)

	// UDP in doubt: it is better to send than not.
	d = connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(100 * time.Millisecond)
	f("probing", 0, queued(d, 2))

	d = connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest, isFromOwnHost: true})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.queued(1)
	d.run(100 * time.Millisecond)
	d.holds(0, 1)
	f("probing with a packet", 0, d)
}

// TestMachineGivesTheRestUp has some lines of a packet arrive before the time is
// over: they are not lost.
func TestMachineGivesTheRestUp(t *testing.T) {
	d := trusted(t, TCP)
	d.queued(2)
	d.want("write 0", "write 1")
	d.on(event{kind: evAcked, n: 150})
	d.closing(0)
	d.want("confirm 1", "seal", "close", "trim 49", "drop 1 lines: shutdown", "done")
	d.holds(0, 0)
}

// TestMachineClosesTwice has the time of Close end early.
func TestMachineClosesTwice(t *testing.T) {
	d := trusted(t, TCP)
	d.queued(1)
	d.want("write 0")
	d.closing(time.Hour)
	d.want("seal", "finish", "check", "wait 5ms")
	d.closing(0)
	d.want("close", "drop 2 lines: shutdown", "done")
}

// TestMachineClosesFast has more packets than leave at the usual rate.
func TestMachineClosesFast(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	for range 10_000 { // 14 MB
		d.on(event{kind: evPacketSealed, n: 1432, lines: 10})
	}
	d.m.pacer.start(d.now) // they are old
	d.closing(2 * time.Second)
	if n := len(d.m.packets.waiting()); n != 10_000 {
		t.Fatalf("%d packets wait", n)
	}
	d.run(time.Second)
	if n := len(d.m.packets.waiting()); n < 1500 || n > 3000 {
		t.Errorf("%d packets wait after half of the time, want about a quarter", n)
	}
	actions := d.run(time.Second)
	d.is(done)
	if n := count(actions, "drop"); n > 0 {
		t.Error("packets are lost")
	}
}
