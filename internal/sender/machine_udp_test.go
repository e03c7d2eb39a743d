package sender

import (
	"testing"
	"time"
)

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
	if probes := count(d.run(1000*time.Millisecond), "probe"); probes < 25 || probes > 37 {
		t.Errorf("%d probes after a refusal is missing, want one each 33 ms on average", probes)
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
	for _, gap := range []time.Duration{6 * time.Second, time.Second, time.Second, time.Second, time.Second} {
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
	d.run(17_999 * time.Millisecond)
	d.is(probing)
	d.after(time.Millisecond)
	d.is(up)
	actions := d.run(4 * time.Second)
	if count(actions, "write") != 2 || count(actions, "confirm") != 0 {
		t.Errorf("in doubt: got %v, want packets that are written and not confirmed", actions)
	}
	if probes := count(actions, "probe"); probes < 1800 || probes > 2200 {
		t.Errorf("in doubt: %d probes, want one each 2 ms on average", probes)
	}
	// All that was written since the last refusal is written again.
	d.on(event{kind: evRefused, seq: 2, err: errTest})
	d.want("close", "lookup", "away")
	d.holds(2, 0)
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(29_999 * time.Millisecond)
	d.is(probing) // three times 22 s are more than is ever waited for
	d.after(time.Millisecond)
	d.is(up)
	d.run(4399 * time.Millisecond)
	d.holds(0, 2)
	d.after(time.Millisecond)
	d.want("confirm 2", "wait 1h0m0s")
}

// TestMachineForgetsAnOutage has a second one in which refusals do not come as seldom as
// in the first.
func TestMachineForgetsAnOutage(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(8 * time.Second)
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(40 * time.Second)
	d.is(up)
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(d.m.policy.sharedSilence - time.Millisecond)
	d.is(probing)
	d.after(time.Millisecond)
	d.is(up)
}

// TestMachineNeedsFiveRefusals has them come at once until the server is back.
func TestMachineNeedsFiveRefusals(t *testing.T) {
	p := newPolicy(UDP)
	for refusals, want := range map[int]time.Duration{1: p.sharedSilence, 4: p.sharedSilence, 5: p.silence} {
		d := connected(t, p)
		for range refusals {
			d.on(event{kind: evRefused, err: errTest})
			d.run(100 * time.Millisecond)
			d.on(event{kind: evDialed})
		}
		d.run(want - time.Millisecond)
		d.is(probing)
		d.after(time.Millisecond)
		d.is(up)
		if isInDoubt := !d.m.doubtUntil.IsZero(); isInDoubt != (refusals < 5) {
			t.Errorf("%d refusals: in doubt is %t", refusals, isInDoubt)
		}
	}
}

// TestMachineWaitsForItsOwnHost has the kernel not find the server's host. No other sender
// gets that refusal instead.
func TestMachineWaitsForItsOwnHost(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest, isFromOwnHost: true})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.queued(1)
	d.run(d.m.policy.silence - time.Millisecond)
	d.is(probing)
	d.after(time.Millisecond)
	d.is(up)
}

// TestMachineProbesMoreOften has a refusal be overdue for long.
func TestMachineProbesMoreOften(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.on(event{kind: evRefused, err: errTest})
	d.run(100 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.run(1550 * time.Millisecond)
	for i, want := range []int{33, 99, 297, 550, 550} {
		if got := count(d.run(1100*time.Millisecond), "probe"); got < want*8/10 || got > want*12/10 {
			t.Errorf("interval %d since a refusal is overdue: got %d probes, want about %d", i, got, want)
		}
	}
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
		d.on(event{kind: evRefused, seq: 4, err: errTest, isFromOwnHost: isOurs})
		d.holds(want, 0)
	}
	f(true, 3)
	f(false, 1)
}

func TestMachineWritesCutPacketsAgain(t *testing.T) {
	d := connected(t, newPolicy(UDP))
	d.after(time.Second)
	for _, n := range []int{1400, 1400, 100, 1233, 1232, 1400} {
		d.on(event{kind: evPacketSealed, n: n, lines: 1})
	}
	d.after(time.Second)
	d.want("write 0", "write 1", "write 2", "write 3", "write 4")
	d.on(event{kind: evMTUExceeded, seq: 1, n: 1232})
	d.on(event{kind: evMTUExceeded, seq: 1, n: 1232}) // once more
	d.want("write 1", "write 3", "write 5")
	d.is(up)
	d.holds(0, 6)
}

// TestMachineTrustsAFreshAddress moves on to an address that has refused
// nothing.
func TestMachineTrustsAFreshAddress(t *testing.T) {
	d := newHarness(t, newPolicy(UDP))
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
	d.run(d.m.policy.sharedSilence - time.Millisecond)
	d.is(probing)
	d.after(time.Millisecond)
	d.is(up)
}
