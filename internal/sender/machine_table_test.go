package sender

import (
	"fmt"
	"testing"
	"time"
)

// inState returns a harness with a machine in a state. One packet waits, or is
// in flight if the machine is up or finishing. The open packet is empty.
func inState(t *testing.T, network string, s state) *harness {
	t.Helper()
	d := newHarness(t, newPolicy(network))
	resolved := event{kind: evResolved, addrs: []string{"a"}}
	dial := func() {
		t.Helper()
		d.on(resolved)
		d.want("dial a")
	}
	isUp := func() {
		t.Helper()
		dial()
		d.on(event{kind: evDialed})
		d.run(5 * time.Second)
		d.is(up)
	}
	switch s {
	case noAddress:
	case paused:
		dial()
		d.on(event{kind: evDialFailed, err: errTest})
		d.want("lookup", "away")
	case dialing:
		dial()
	case probing:
		dial()
		if network == UDP {
			d.on(event{kind: evDialFailed, err: errTest})
			d.run(100 * time.Millisecond)
		}
		d.on(event{kind: evDialed})
	case up:
		isUp()
	case finishing:
		isUp()
		d.queued(1)
		d.run(10 * time.Millisecond)
		d.on(event{kind: evResolved, addrs: []string{"b"}})
		d.run(time.Millisecond)
	case done:
		d.on(event{kind: evClosing, deadline: d.now})
		d.want("seal", "done")
	}
	switch s {
	case up:
		d.queued(1)
		d.run(10 * time.Millisecond)
		d.holds(0, 1)
	case finishing, done:
	default:
		d.queued(1)
	}
	d.is(s)
	return d
}

// TestMachineTable applies each event in each state.
func TestMachineTable(t *testing.T) {
	events := []struct {
		name string
		e    event
	}{
		{"tick", event{kind: evTick}},
		{"opened", event{kind: evPacketOpened}},
		{"sealed", event{kind: evPacketSealed, n: 100, lines: 2}},
		{"resolved, kept", event{kind: evResolved, addrs: []string{"b", "a"}}},
		{"resolved, gone", event{kind: evResolved, addrs: []string{"c"}}},
		{"lookup failed", event{kind: evLookupFailed, err: errTest}},
		{"dialed", event{kind: evDialed}},
		{"dialed itself", event{kind: evDialed, isSelfConnect: true}},
		{"dial failed", event{kind: evDialFailed, err: errTest}},
		{"wrote", event{kind: evWrote}},
		{"blocked", event{kind: evBlocked}},
		{"too long", event{kind: evTooLong}},
		{"acked", event{kind: evAcked, n: 101}},
		{"refused", event{kind: evRefused, err: errTest}},
		{"refused by us", event{kind: evRefused, err: errTest, isFromOwnHost: true}},
		{"cut", event{kind: evMTUExceeded, n: 50}},
		{"ended", ended},
		{"reset", reset},
		{"stalled", stall},
		{"replaced", event{kind: evSocketReplaced}},
		{"closing", event{kind: evClosing, deadline: time.Unix(5000, 0)}},
		{"closed", event{kind: evClosing, deadline: time.Unix(1, 0)}},
	}
	const same = -1
	// The columns are the states. A stream cannot be refused, and UDP cannot end:
	// the loop sends no such events.
	type row [done + 1]int
	stays := row{same, same, same, same, same, same, same}
	change := func(changes map[state]state) row {
		r := stays
		for from, to := range changes {
			r[from] = int(to)
		}
		return r
	}
	f := func(network string, table map[string]row, skip ...string) {
		for _, e := range events {
			isSkipped := false
			for _, name := range skip {
				isSkipped = isSkipped || name == e.name
			}
			if isSkipped {
				continue
			}
			r, ok := table[e.name]
			if !ok {
				r = stays
			}
			for s := range done + 1 {
				t.Run(fmt.Sprintf("%s/%s/%s", network, s, e.name), func(t *testing.T) {
					if e.e.kind == evWrote && s != up {
						return // nothing was to be written
					}
					d := inState(t, network, s)
					if e.e.kind == evWrote {
						d.queued(1)
						e.e.seq = d.m.packets.nextSeq()
					}
					want := s
					if r[s] != same {
						want = state(r[s])
					}
					d.on(e.e)
					if d.m.isSealing && len(d.m.todo) == 0 {
						d.finish(action{kind: actSeal})
					}
					d.is(want)
					for range 10 { // what follows ends in a wait, or in the end
						a := d.m.next(d.now)
						if a.kind == actWait || a.kind == actStop {
							return
						}
						d.finish(a)
					}
					t.Error("the machine does not wait")
				})
			}
		}
	}
	gone := change(map[state]state{noAddress: paused, probing: paused, up: finishing})
	common := map[string]row{
		"resolved, kept": change(map[state]state{noAddress: paused}),
		"dialed itself":  change(map[state]state{dialing: paused}),
		"dial failed":    change(map[state]state{dialing: paused}),
		"closed":         change(map[state]state{noAddress: done, paused: done, dialing: done, probing: done, up: done, finishing: done}),
	}
	with := func(more map[string]row) map[string]row {
		table := map[string]row{}
		for name, r := range common {
			table[name] = r
		}
		for name, r := range more {
			table[name] = r
		}
		return table
	}
	f(UDP, with(map[string]row{
		"resolved, gone": gone,
		"dialed":         change(map[state]state{dialing: up}),
		"refused":        change(map[state]state{probing: paused, up: paused, finishing: paused}),
		"refused by us":  change(map[state]state{probing: paused, up: paused, finishing: paused}),
		"closing":        change(map[state]state{up: finishing}),
	}), "ended", "reset", "stalled", "replaced", "acked")
	f(TCP, with(map[string]row{
		"resolved, gone": gone, // nothing is in flight while probing: the connection is closed at once
		"dialed":         change(map[state]state{dialing: probing}),
		"acked":          change(map[state]state{finishing: paused}),
		"ended":          change(map[state]state{probing: paused, up: finishing}),
		"reset":          change(map[state]state{probing: paused, up: paused, finishing: paused}),
		"stalled":        change(map[state]state{probing: paused, up: paused, finishing: paused}),
		"closing":        change(map[state]state{up: finishing}),
	}), "refused", "refused by us", "cut", "replaced", "too long")
}
