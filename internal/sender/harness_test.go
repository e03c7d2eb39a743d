package sender

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// harness drives a machine in virtual time: it passes events and carries out actions.
type harness struct {
	t   *testing.T
	m   *machine
	now time.Time
}

// errTest stands for any error.
var errTest = errors.New("an error of the test")

// newHarness returns a harness with a machine that knows no address.
func newHarness(t *testing.T, p policy) *harness {
	return &harness{t: t, m: newMachine(p, 1), now: time.Unix(1000, 0)}
}

// connected returns a harness with a machine that is connected to address a
// for the first time.
func connected(t *testing.T, p policy) *harness {
	t.Helper()
	d := newHarness(t, p)
	d.on(event{kind: evResolved, addrs: []string{"a"}})
	d.want("dial a", "wait 1h0m0s")
	d.on(event{kind: evDialed})
	return d
}

// on hands the machine an event.
func (d *harness) on(e event) { d.m.handle(d.now, e) }

// queued hands the machine packets of 100 bytes and two lines.
func (d *harness) queued(packets int) {
	for range packets {
		d.on(event{kind: evPacketSealed, n: 100, lines: 2})
	}
}

// acked says that the server's kernel has this many packets of the connection.
func (d *harness) acked(packets int) { d.on(event{kind: evAcked, n: packets * 101}) }

// after lets time pass. The loop then checks the connection if the machine needs that to
// conclude something.
func (d *harness) after(passed time.Duration) {
	d.pause(passed)
	if d.m.needsCheck(d.now) {
		d.on(event{kind: evChecked, checkedAt: d.now})
	}
}

// pause lets time pass while the process is paused.
func (d *harness) pause(passed time.Duration) {
	d.now = d.now.Add(passed)
	d.on(event{kind: evTick})
}

// want checks which actions come next, and carries out all but a wait.
func (d *harness) want(actions ...string) {
	d.t.Helper()
	for _, want := range actions {
		a := d.m.next(d.now)
		if got := d.describe(a); got != want {
			d.t.Fatalf("got action %q, want %q; the machine is %v", got, want, d.m.state)
		}
		d.finish(a)
	}
}

// describe returns an action as text, with the length of a wait.
func (d *harness) describe(a action) string {
	text := a.String()
	switch {
	case a.kind == actWait:
		text += " " + a.until.Sub(d.now).String()
		if a.isQuiet {
			text += " quiet"
		}
	case a.kind == actNotFound && a.isKept:
		text += ", kept"
	}
	return text
}

// finish tells the machine that an action was carried out.
func (d *harness) finish(a action) {
	switch a.kind {
	case actWait, actStop:
	case actWrite:
		d.on(event{kind: evWrote, seq: a.seq})
	case actTrim:
		d.on(event{kind: evTrimmed, n: 10, lines: 1})
	case actCheck:
		d.on(event{kind: evChecked, checkedAt: d.now})
	default:
		d.on(event{kind: evActionDone, done: a.kind})
	}
}

// run lets time pass and carries out what the machine does meanwhile. It returns
// the actions but the waits.
func (d *harness) run(length time.Duration) (actions []string) {
	d.t.Helper()
	end := d.now.Add(length)
	for range 1_000_000 {
		a := d.m.next(d.now)
		if a.kind != actWait {
			actions = append(actions, a.String())
			d.finish(a)
			if a.kind == actStop {
				return actions
			}
			continue
		}
		if a.until.After(end) {
			d.now = end
			d.on(event{kind: evTick})
			return actions
		}
		if !a.until.After(d.now) {
			d.t.Fatalf("the machine waits for a time that has passed: %v", d.m.state)
		}
		d.now = a.until
		d.on(event{kind: evTick})
	}
	d.t.Fatal("the machine does not wait")
	return nil
}

// is checks the machine's state.
func (d *harness) is(want state) {
	d.t.Helper()
	if d.m.state != want {
		d.t.Fatalf("the machine is %v, want %v", d.m.state, want)
	}
}

// count returns how many actions begin with a prefix.
func count(actions []string, prefix string) (n int) {
	for _, a := range actions {
		if strings.HasPrefix(a, prefix) {
			n++
		}
	}
	return n
}

// holds checks how many packets wait and how many are in flight.
func (d *harness) holds(waiting, inFlight int) {
	d.t.Helper()
	if w, f := len(d.m.packets.waiting()), len(d.m.packets.written()); w != waiting || f != inFlight {
		d.t.Fatalf("%d packets wait and %d are in flight, want %d and %d", w, f, waiting, inFlight)
	}
}
