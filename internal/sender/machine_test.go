package sender

import (
	"testing"
	"time"
)

func TestMachineSendsWhatIsQueued(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.want("wait 1h0m0s")
	d.on(event{kind: evPacketOpened})
	d.want("wait 25ms")
	d.after(24 * time.Millisecond)
	d.want("wait 1ms")
	d.after(time.Millisecond)
	d.want("seal")
	d.queued(1)
	d.want("write 0", "wait 4.04s")
	d.after(4040 * time.Millisecond)
	d.want("confirm 1", "wait 1h0m0s")
	d.holds(0, 0)
}

func TestMachineWritesABurstThenPauses(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.after(time.Second)
	d.queued(3)
	d.after(time.Second)
	d.want("write 0", "write 1", "write 2", "wait 1ms quiet")
	d.on(event{kind: evPacketOpened})
	d.after(time.Millisecond)
	d.want("wait 24ms")
	d.after(24 * time.Millisecond)
	d.want("seal")
	d.queued(1)
	d.want("write 3")
	d.want("wait 4.015s") // one packet is no burst
}

func TestMachineWaitsForAFullSocket(t *testing.T) {
	d := connected(t, newPolicy(Unixgram))
	d.queued(2)
	d.on(event{kind: evBlocked})
	d.want("wait 1ms")
	d.after(time.Millisecond)
	d.want("write 0", "confirm 1", "write 1", "confirm 1")
}

func TestMachineBoundsWhatIsInFlight(t *testing.T) {
	p := newPolicy(UDP)
	p.maxInFlight = 250
	d := connected(t, p)
	d.after(time.Second)
	d.queued(4)
	d.after(time.Second)
	d.want("write 0", "write 1", "write 2", "confirm 1", "write 3", "confirm 1")
	d.holds(0, 2)
}

// TestMachinePacesUDP sends a backlog of full packets at once.
func TestMachinePacesUDP(t *testing.T) {
	f := func(network string, min, max int) {
		t.Helper()
		d := connected(t, newPolicy(network))
		for range 10_000 {
			d.on(event{kind: evPacketSealed, n: 1432, lines: 10})
		}
		d.m.pacer.start(d.now) // they are old
		d.m.dialedAt = d.now.Add(-time.Hour)
		d.run(300 * time.Millisecond)
		if n := count(d.run(100*time.Millisecond), "write"); n < min || n > max {
			t.Errorf("%s: %d packets leave in 0.1 s, want %d to %d", network, n, min, max)
		}
	}
	f(UDP, 40, 80)    // about 800 KB/s, after 0.3 s of doubling
	f(Unixgram, 0, 0) // all have left before
}

// TestMachineLetsNewLinesPass has 8 MB a second arrive, four times what an old
// backlog leaves at.
func TestMachineLetsNewLinesPass(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	for range 1000 {
		for range 6 {
			d.on(event{kind: evPacketSealed, n: 1400, lines: 10})
		}
		d.run(time.Millisecond)
	}
	if n := len(d.m.packets.waiting()); n > 600 {
		t.Errorf("%d packets wait, want no more than arrive in 0.1 s", n)
	}
}

func TestMachineDropsAPacketThatIsTooLarge(t *testing.T) {
	d := connected(t, newPolicy(Unixgram))
	d.queued(2)
	d.on(event{kind: evTooLong})
	d.on(event{kind: evTooLong})
	d.want("drop 2 lines: too_large", "confirm 1", "write 1", "confirm 1", "wait 1s")
	// The first time it may be about another packet.
	d.queued(1)
	d.on(event{kind: evTooLong})
	d.want("write 2", "confirm 1")
	d.queued(1)
	d.on(event{kind: evTooLong})
	d.want("write 3", "confirm 1")
}

func TestMachineClosesASocketThatIsConnectedToItself(t *testing.T) {
	for _, network := range []string{UDP, TCP} {
		d := newHarness(t, newPolicy(network))
		d.on(event{kind: evResolved, addrs: []string{"a"}})
		d.want("dial a")
		d.queued(1)
		d.on(event{kind: evDialed, isSelfConnect: true})
		d.want("close", "lookup", "away")
		d.is(paused)
		if d.m.cause != errSelfConnect {
			t.Errorf("%s: got %v, want %v", network, d.m.cause, errSelfConnect)
		}
		d.run(100 * time.Millisecond)
		d.is(dialing)
		d.holds(1, 0)
	}
}

// TestMachineTriesEachAddress backs off after each round, and not after each
// address.
func TestMachineTriesEachAddress(t *testing.T) {
	d := newHarness(t, newPolicy(TCP))
	d.on(event{kind: evResolved, addrs: []string{"a", "b", "c"}})
	shortest := 50 * time.Millisecond
	for round := range 8 {
		for _, addr := range []string{"a", "b", "c"} {
			d.want("dial " + addr)
			d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
			d.want("lookup")
			if round == 0 && addr == "a" {
				d.want("away")
			}
		}
		wait := d.m.next(d.now).until.Sub(d.now)
		if wait < shortest || wait > 2*shortest {
			t.Errorf("round %d: waits %v, want %v to %v", round, wait, shortest, 2*shortest)
		}
		d.after(wait)
		shortest = min(2*shortest, 500*time.Millisecond)
	}
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.run(5 * time.Second)
	d.is(up)
	// A connection without a doubt ends the series.
	d.on(event{kind: evConnEnded, err: errTest})
	d.run(0)
	for range 3 {
		d.on(event{kind: evDialFailed, err: errTest})
		d.run(0)
	}
	if wait := d.m.next(d.now).until.Sub(d.now); wait > 100*time.Millisecond {
		t.Errorf("waits %v after the first round of a new outage, want up to 100 ms", wait)
	}
}

func TestMachineFollowsTheName(t *testing.T) {
	d := newHarness(t, newPolicy(UDP))
	d.want("wait 1h0m0s")
	d.on(event{kind: evLookupFailed, err: errTest})
	d.want("not found", "wait 1h0m0s")
	d.is(noAddress)
	d.queued(1)
	d.on(event{kind: evResolved, addrs: []string{"a", "b"}})
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.is(up) // nothing was refused
	d.run(5 * time.Second)
	d.on(event{kind: evLookupFailed, err: errTest})
	d.want("not found, kept", "wait 1h0m0s")
	d.on(event{kind: evResolved, addrs: []string{"c", "a"}})
	d.want("wait 1h0m0s")
	d.is(up)
	d.queued(1)
	d.want("write 1")
	d.on(event{kind: evResolved, addrs: []string{"c", "d"}})
	d.want("moved a", "finish", "check", "wait 5ms")
	d.is(finishing)
	d.after(99 * time.Millisecond)
	d.is(finishing)
	d.after(time.Millisecond)
	d.want("close", "confirm 1", "dial c")
	d.on(event{kind: evDialed})
	d.is(up)
}

// TestMachineLosesNothingWithAMove has the address go that a packet was refused
// at, or is being tried at.
func TestMachineLosesNothingWithAMove(t *testing.T) {
	moved := event{kind: evResolved, addrs: []string{"b"}}
	d := connected(t, newPolicy(UDP))
	d.after(time.Second)
	d.queued(1)
	d.want("write 0")
	d.on(moved)
	d.want("moved a", "finish", "check")
	d.on(event{kind: evRefused, seq: 0, err: errTest})
	d.want("close", "dial b")
	d.holds(1, 0)
	d.on(event{kind: evDialed})
	d.is(up)

	d = connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest, isPrompt: true})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.queued(1)
	d.want("write 0")
	d.on(moved)
	d.want("moved a", "close", "dial b")
	d.holds(1, 0)

	// It goes while the machine connects.
	for _, e := range []event{{kind: evDialed}, {kind: evDialFailed, err: errTest}} {
		d = newHarness(t, newPolicy(TCP))
		d.on(event{kind: evResolved, addrs: []string{"a"}})
		d.want("dial a")
		d.on(moved)
		d.on(e)
		if e.kind == evDialed {
			d.want("close")
		}
		d.want("dial b")
	}
}

func TestMachineFollowsAReplacedSocket(t *testing.T) {
	d := connected(t, newPolicy(Unixgram))
	d.want("wait 1s")
	d.after(time.Second)
	d.want("check", "wait 1s")
	d.after(time.Second)
	d.on(event{kind: evSocketReplaced})
	d.want("finish", "close", "dial a")
}
