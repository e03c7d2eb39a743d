package sender

import (
	"testing"
	"time"
)

func TestMachineSendsWhatIsQueued(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.want("wait 1h0m0s")
	d.on(event{kind: evOpened})
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
	d.on(event{kind: evOpened})
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
			d.on(event{kind: evSealed, n: 1432, lines: 10})
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
			d.on(event{kind: evSealed, n: 1400, lines: 10})
		}
		d.run(time.Millisecond)
	}
	if n := len(d.m.flight.waiting()); n > 600 {
		t.Errorf("%d packets wait, want no more than arrive in 0.1 s", n)
	}
}

func TestMachineRefusedAtOnce(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.queued(5)
	d.after(time.Second)
	d.want("write 0", "write 1", "write 2", "write 3", "write 4")
	d.on(event{kind: evRefused, seq: 2, err: errTest, isPrompt: true})
	d.want("confirm 2", "close", "lookup", "away", "wait 100ms")
	d.holds(3, 0)
	d.after(100 * time.Millisecond)
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.is(probing)
	// The first packet shows whether the server is back. It goes alone.
	d.want("write 2", "wait 20ms")
	d.on(event{kind: evRefused, seq: 2, err: errTest, isPrompt: true})
	d.want("close", "lookup", "wait 100ms")
	d.holds(3, 0)
	d.after(100 * time.Millisecond)
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.want("write 2", "wait 20ms")
	d.after(20 * time.Millisecond)
	d.is(up)
	d.want("back", "confirm 1")
	d.run(time.Second)
	d.holds(0, 0)
}

// TestMachineProbesWithNothingToSend has each probe be an empty packet.
func TestMachineProbesWithNothingToSend(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest, isPrompt: true})
	d.want("close", "lookup", "away", "wait 100ms")
	d.after(100 * time.Millisecond)
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.want("probe", "wait 20ms")
	d.after(20 * time.Millisecond)
	d.want("back", "wait 1h0m0s")
	d.is(up)
}

// TestMachineDoubtsSilence has a host that limits its refusals.
func TestMachineDoubtsSilence(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.queued(3)
	d.after(time.Second)
	d.want("write 0", "write 1", "write 2")
	d.on(event{kind: evRefused, seq: 1, err: errTest})
	d.want("confirm 1", "close", "lookup", "away", "wait 100ms")
	for range 4 { // refusals that come as regularly as they can
		d.after(100 * time.Millisecond)
		d.want("dial a")
		d.on(event{kind: evDialed})
		probes := count(d.run(time.Second), "probe")
		if probes < 8 || probes > 14 {
			t.Fatalf("%d probes in the first second, want about 10", probes)
		}
		d.is(probing)
		d.on(event{kind: evRefused, seq: 3, err: errTest})
		d.want("close", "lookup")
		d.holds(2, 0)
	}
	d.after(100 * time.Millisecond)
	d.want("dial a")
	d.on(event{kind: evDialed})
	if probes := count(d.run(1650*time.Millisecond), "probe"); probes > 22 {
		t.Errorf("%d probes before a refusal is missing, want no more than one each 75 ms", probes)
	}
	if probes := count(d.run(1000*time.Millisecond), "probe"); probes < 45 || probes > 50 {
		t.Errorf("%d probes after a refusal is missing, want one each 20 ms", probes)
	}
	d.run(4400*time.Millisecond - 2650*time.Millisecond - time.Millisecond)
	d.is(probing)
	d.holds(2, 0)
	d.after(time.Millisecond)
	d.is(up)
	// All refusals came, so no other sender takes them: there is no doubt.
	actions := d.run(time.Second)
	if actions[0] != "back" || count(actions, "probe") > 0 || count(actions, "write") != 2 {
		t.Errorf("got %v", actions)
	}
}

// TestMachineDoubtsRecovery has other senders take most refusals.
func TestMachineDoubtsRecovery(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest})
	d.want("close", "lookup", "away")
	for _, gap := range []time.Duration{2 * time.Second, time.Second, time.Second} {
		d.run(100 * time.Millisecond)
		d.on(event{kind: evDialed})
		d.run(gap - 100*time.Millisecond)
		d.is(probing)
		d.on(event{kind: evRefused, err: errTest})
		d.want("close", "lookup")
	}
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.queued(2)
	// Silence has to be three times as long as the longest that ended.
	d.run(5999 * time.Millisecond)
	d.is(probing)
	d.after(time.Millisecond)
	d.is(up)
	actions := d.run(4 * time.Second)
	if count(actions, "write") != 2 || count(actions, "confirm") != 0 {
		t.Errorf("in doubt: got %v, want packets that are written and not confirmed", actions)
	}
	if probes := count(actions, "probe"); probes < 190 || probes > 200 {
		t.Errorf("in doubt: %d probes, want one each 20 ms", probes)
	}
	// All that was written since the last refusal is written again.
	d.on(event{kind: evRefused, seq: 2, err: errTest})
	d.want("close", "lookup", "away")
	d.holds(2, 0)
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(9999 * time.Millisecond)
	d.is(probing) // three times 6 s are more than is ever waited for
	d.after(time.Millisecond)
	d.is(up)
	d.run(4399 * time.Millisecond)
	d.holds(0, 2)
	d.after(time.Millisecond)
	d.want("confirm 2", "wait 1h0m0s")
}

// TestMachineForgetsAnOutage has a second one that is shorter than the first.
func TestMachineForgetsAnOutage(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(3 * time.Second)
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(20 * time.Second)
	d.is(up)
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(4399 * time.Millisecond)
	d.is(probing)
	d.after(time.Millisecond)
	d.is(up)
}

// TestMachineStepsBack has the kernel not find the server's host.
func TestMachineStepsBack(t *testing.T) {
	f := func(isOurs bool, want int) {
		t.Helper()
		d := connected(t, newPolicy(UDP))
		for range 5 {
			d.queued(1)
			d.run(time.Second)
		}
		d.holds(0, 4) // the first one was written more than 4.04 s ago
		d.on(event{kind: evRefused, seq: 4, err: errTest, isOurs: isOurs})
		d.holds(want, 0)
	}
	f(true, 3)
	f(false, 1)
}

func TestMachineWritesCutPacketsAgain(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.after(time.Second)
	for _, n := range []int{1400, 1400, 100, 1233, 1232, 1400} {
		d.on(event{kind: evSealed, n: n, lines: 1})
	}
	d.after(time.Second)
	d.want("write 0", "write 1", "write 2", "write 3", "write 4")
	d.on(event{kind: evCut, seq: 1, n: 1232})
	d.on(event{kind: evCut, seq: 1, n: 1232}) // once more
	d.want("write 1", "write 3", "write 5")
	d.is(up)
	d.holds(0, 6)
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
		d := newDialogue(t, newPolicy(network))
		d.on(event{kind: evResolved, addrs: []string{"a"}})
		d.want("dial a")
		d.queued(1)
		d.on(event{kind: evDialed, isSelf: true})
		d.want("close", "lookup", "away")
		d.is(paused)
		if d.m.cause != errSelf {
			t.Errorf("%s: got %v, want %v", network, d.m.cause, errSelf)
		}
		d.run(100 * time.Millisecond)
		d.is(dialing)
		d.holds(1, 0)
	}
}

// TestMachineTriesEachAddress backs off after each round, and not after each
// address.
func TestMachineTriesEachAddress(t *testing.T) {
	d := newDialogue(t, newPolicy(TCP))
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
	d.run(4 * time.Second)
	d.is(up)
	// A connection without a doubt ends the series.
	d.on(event{kind: evEnded, err: errTest})
	d.run(0)
	for range 3 {
		d.on(event{kind: evDialFailed, err: errTest})
		d.run(0)
	}
	if wait := d.m.next(d.now).until.Sub(d.now); wait > 100*time.Millisecond {
		t.Errorf("waits %v after the first round of a new outage, want up to 100 ms", wait)
	}
}

// TestMachineTrustsAFreshAddress moves on to an address that has refused
// nothing.
func TestMachineTrustsAFreshAddress(t *testing.T) {
	d := newDialogue(t, newPolicy(UDP))
	d.on(event{kind: evResolved, addrs: []string{"a", "b"}})
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.after(time.Second)
	d.queued(2)
	d.after(time.Second)
	d.want("write 0", "write 1")
	d.on(event{kind: evRefused, seq: 0, err: errTest})
	d.want("close", "lookup", "away", "dial b")
	d.on(event{kind: evDialed})
	d.want("write 0", "wait 300ms")
	d.after(300 * time.Millisecond)
	d.is(up)
	d.run(4 * time.Second)
	d.holds(0, 2) // in doubt
	d.on(event{kind: evRefused, seq: 2, err: errTest})
	d.want("close", "lookup", "away", "wait 100ms") // both have failed
	d.holds(2, 0)
	d.after(100 * time.Millisecond)
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.run(299 * time.Millisecond)
	d.is(probing)
	d.on(event{kind: evRefused, seq: 2, err: errTest})
	d.want("close", "lookup", "dial b")
	// It was refused there in this outage.
	d.on(event{kind: evDialed})
	d.run(4399 * time.Millisecond)
	d.is(probing)
	d.after(time.Millisecond)
	d.is(up)
}

func TestMachineFollowsTheName(t *testing.T) {
	d := newDialogue(t, newPolicy(UDP))
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
		d = newDialogue(t, newPolicy(TCP))
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
	d.on(event{kind: evReplaced})
	d.want("finish", "close", "dial a")
}
