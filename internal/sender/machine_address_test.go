package sender

import (
	"testing"
	"time"
)

// TestMachineLeavesAnUndecidedAddress has the address go where it would have
// shown who accepted the last connection.
func TestMachineLeavesAnUndecidedAddress(t *testing.T) {
	for _, isDialing := range []bool{false, true} {
		d := connected(t, newPolicy(TCP))
		d.queued(2)
		d.run(time.Millisecond)
		d.acked(1)
		d.on(reset)
		d.want("close", "lookup", "away")
		if isDialing {
			d.want("dial a")
		}
		d.on(event{kind: evResolved, addrs: []string{"b"}})
		if isDialing {
			d.on(event{kind: evDialed})
			d.want("close")
		}
		d.want("confirm 1", "dial b")
		d.holds(1, 0)
	}
}

// TestMachineDoesNotJudgeANewAddress has the old address end its connection
// while it is left.
func TestMachineDoesNotJudgeANewAddress(t *testing.T) {
	d := connected(t, newPolicy(TCP))
	d.queued(1)
	d.run(time.Second)
	d.on(event{kind: evResolved, addrs: []string{"b"}})
	d.run(time.Millisecond)
	d.is(finishing)
	d.on(reset)
	d.run(time.Second)
	d.is(dialing)
	d.on(event{kind: evDialed})
	if got := d.m.addrs.current().kind; got != unknownPath {
		t.Errorf("got kind %d, want %d", got, unknownPath)
	}

	d = connected(t, newPolicy(UDP))
	d.queued(1)
	d.run(time.Second)
	d.on(event{kind: evResolved, addrs: []string{"b"}})
	d.run(time.Millisecond)
	d.on(event{kind: evRefused, err: errTest, isPrompt: true})
	if p := d.m.addrs.current(); p.kind != unknownPath || p.refusals != 0 {
		t.Errorf("got %+v", p)
	}
}

// TestMachineTriesANewAddressAtOnce has the name change during a pause.
func TestMachineTriesANewAddressAtOnce(t *testing.T) {
	d := newHarness(t, newPolicy(TCP))
	d.on(event{kind: evResolved, addrs: []string{"a"}})
	d.want("dial a")
	for range 5 {
		d.on(event{kind: evDialFailed, err: errTest})
		d.run(time.Second)
	}
	d.on(event{kind: evDialFailed, err: errTest})
	d.want("lookup")
	d.is(paused)
	d.on(event{kind: evResolved, addrs: []string{"a", "b"}})
	d.want("dial a")
}

// TestMachineTriesEachSecond has attempts to connect that take two seconds: the
// next one follows at once.
func TestMachineTriesEachSecond(t *testing.T) {
	d := newHarness(t, newPolicy(TCP))
	d.on(event{kind: evResolved, addrs: []string{"a"}})
	for range 10 {
		d.run(0)
		d.is(dialing)
		d.after(2 * time.Second)
		d.on(event{kind: evDialFailed, err: errTest})
	}
}
