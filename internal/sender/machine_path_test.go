package sender

import (
	"testing"
	"time"
)

// TestMachineLearnsWhoAccepts has a connection end early. Whether the server had
// accepted it shows at the next attempt to connect.
func TestMachineLearnsWhoAccepts(t *testing.T) {
	early := func(d *harness) {
		t.Helper()
		d.queued(3)
		d.run(200 * time.Millisecond)
		d.holds(1, 2)
		d.acked(1)
		d.on(reset)
		d.want("close", "lookup", "dial a")
		d.holds(1, 2)
	}
	start := func() *harness {
		d := newHarness(t, newPolicy(TCP))
		d.on(event{kind: evResolved, addrs: []string{"a"}})
		d.want("dial a")
		d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
		d.want("lookup", "away")
		d.run(100 * time.Millisecond)
		d.on(event{kind: evDialed})
		return d
	}
	// Nobody listens: it was the server, and it has what its kernel has.
	d := start()
	early(d)
	d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
	d.want("confirm 1", "lookup")
	d.holds(2, 0)
	// It is trusted after the probation now.
	d.run(200 * time.Millisecond)
	d.on(event{kind: evDialed})
	d.want("write 1")
	d.acked(1)
	d.run(199 * time.Millisecond)
	d.holds(1, 1)
	d.run(time.Millisecond)
	d.holds(0, 1)
	if !d.m.doubtUntil.IsZero() {
		t.Error("a server that refuses connections while it is away is in doubt")
	}

	// Somebody listens: all is sent again.
	d = start()
	early(d)
	d.on(event{kind: evDialed})
	d.holds(3, 0)
	d.want("write 0")
	d.acked(1)
	d.run(100 * time.Millisecond)
	d.on(reset)
	d.want("close", "lookup")
	d.is(paused)
	d.holds(3, 0) // the packet is not trusted to have arrived
}

// TestMachineBacksOffFromABalancer has a balancer accept and close each
// connection.
func TestMachineBacksOffFromABalancer(t *testing.T) {
	d := connected(t, newPolicy(TCP))
	d.queued(1000)
	attempts, written := 0, 0
	for start := d.now; d.now.Sub(start) < 20*time.Second; {
		a := d.m.next(d.now)
		switch a.kind {
		case actWait:
			d.now = a.until
			d.on(event{kind: evTick})
		case actWrite:
			written++
			d.on(event{kind: evWrote, seq: a.seq})
			d.acked(1)
			d.on(reset)
		case actDial:
			attempts++
			d.finish(a)
			d.on(event{kind: evDialed})
		default:
			if a.kind == actBack {
				t.Fatal("the server is reported to be back")
			}
			d.finish(a)
		}
	}
	d.holds(1000, 0)
	if attempts < 20 || attempts > 45 {
		t.Errorf("%d attempts in 20 s, want one or two a second", attempts)
	}
	if written > attempts+1 {
		t.Errorf("%d packets were written in %d attempts, want one in each", written, attempts)
	}
}

// TestMachineReportsABalancedServerLate does not report a server to be back
// before its connection is out of doubt, once a balancer has accepted one.
func TestMachineReportsABalancedServerLate(t *testing.T) {
	d := connected(t, newPolicy(TCP))
	d.on(reset)
	d.want("close", "lookup", "away", "dial a")
	d.on(event{kind: evDialed})
	if n := count(d.run(4999*time.Millisecond), "back"); n != 0 {
		t.Error("the server is reported to be back while in doubt")
	}
	d.run(time.Millisecond)
	d.is(up)
	if d.m.isAway {
		t.Error("the server is away without a doubt")
	}
}

// TestMachineSuspectsAServer has one that refused connections when it was away
// accept and close them now.
func TestMachineSuspectsAServer(t *testing.T) {
	d := connected(t, newPolicy(TCP))
	d.on(reset)
	d.run(0)
	d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
	early := func(acked int) {
		t.Helper()
		d.run(time.Second)
		d.on(event{kind: evDialed})
		d.run(time.Millisecond)
		d.on(event{kind: evAcked, n: acked})
		d.on(reset)
		d.run(0)
	}
	d.queued(3)
	early(101)
	d.holds(2, 0) // the first time it may have gone away again
	early(101)
	d.holds(2, 0)
	early(101)
	d.holds(2, 0)
	d.run(time.Second)
	d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
	early(101)
	d.holds(1, 0)
}

// TestMachineSeesShortOutages has a server that refused connections before go away for
// less than the pause between two attempts, several times within seconds. It is no load
// balancer, so nothing is sent again.
func TestMachineSeesShortOutages(t *testing.T) {
	d := connected(t, newPolicy(TCP))
	d.on(reset)
	d.run(0)
	d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
	d.run(time.Second)
	d.on(event{kind: evDialed})
	for range 5 {
		d.queued(1)
		d.run(time.Millisecond)
		d.holds(0, 1)
		d.acked(1)
		d.on(reset)
		d.run(0)
		d.is(dialing)
		d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
		d.holds(0, 0)
		d.run(time.Second)
		d.on(event{kind: evDialed})
	}
}

// TestMachineLeavesAServerThatEndsConnections has a server that refused connections before
// accept each connection and end it. Its name has another address.
func TestMachineLeavesAServerThatEndsConnections(t *testing.T) {
	refused := event{kind: evDialFailed, err: errTest, isRefused: true}
	d := newHarness(t, newPolicy(TCP))
	d.on(event{kind: evResolved, addrs: []string{"a", "b"}})
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.on(reset)
	d.run(0)
	for range 2 { // a, which is a direct path now, and b
		d.on(refused)
		d.run(0)
	}
	d.run(100 * time.Millisecond)
	for _, next := range []string{"a", "b"} { // it tries the same address again once
		d.is(dialing)
		d.on(event{kind: evDialed})
		d.run(time.Second)
		d.is(up)
		d.on(reset)
		d.run(0)
		if got := d.m.dialedAddr; got != next {
			t.Fatalf("dials %s, want %s", got, next)
		}
	}
	// It comes back when b fails.
	d.on(refused)
	d.run(time.Second)
	d.is(dialing)
	if got := d.m.dialedAddr; got != "a" {
		t.Errorf("dials %s, want a", got)
	}
}

// TestMachineJudgesOnlyTheAddressThatEnded has the connection to one address end early and
// another address refuse the next one. That shows nothing about either: both can be
// balancers.
func TestMachineJudgesOnlyTheAddressThatEnded(t *testing.T) {
	d := newHarness(t, newPolicy(TCP))
	d.on(event{kind: evResolved, addrs: []string{"a", "b"}})
	d.want("dial a")
	for range 2 { // a is a balancer
		d.on(event{kind: evDialed})
		d.on(reset)
		d.run(0)
	}
	if d.m.dialedAddr != "b" {
		t.Fatalf("dials %s, want b", d.m.dialedAddr)
	}
	d.on(event{kind: evDialFailed, err: errTest, isRefused: true})
	for i, want := range []pathKind{balancedPath, unknownPath} {
		if p := d.m.addrs.paths[i]; p.kind != want {
			t.Errorf("got kind %d of address %s, want %d", p.kind, p.addr, want)
		}
	}
}

// TestMachineTrustsALongConnection has one end that was out of doubt, and one
// that the network has ended.
func TestMachineTrustsALongConnection(t *testing.T) {
	d := trusted(t, TCP)
	d.queued(1)
	d.run(time.Millisecond)
	d.acked(1)
	d.on(reset)
	d.run(time.Second)
	d.is(dialing)
	d.on(event{kind: evDialed})
	d.holds(0, 0)

	d = connected(t, newPolicy(TCP))
	d.queued(1)
	d.run(time.Second)
	d.acked(1)
	d.on(stall)
	d.run(time.Second)
	d.on(event{kind: evDialed})
	d.holds(0, 0)

	d = connected(t, newPolicy(TCP))
	d.queued(1)
	d.run(4999 * time.Millisecond)
	d.acked(1)
	d.on(reset)
	d.run(time.Second)
	d.on(event{kind: evDialed})
	d.holds(1, 0)
}
