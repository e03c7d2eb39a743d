package sender

import (
	"testing"
	"time"
)

var (
	ended = event{kind: evConnEnded, err: errEnded, isClosed: true} // the server's end of the connection
	reset = event{kind: evConnEnded, err: errTest, isClosed: true}  // the whole connection
	stall = event{kind: evConnEnded, err: errTest}                  // by the network
)

// trusted returns a harness with a machine whose stream is out of doubt.
func trusted(t *testing.T, network string) *harness {
	t.Helper()
	d := connected(t, newPolicy(network))
	d.run(5 * time.Second)
	d.is(up)
	return d
}

// TestMachineRampsUpAStream has a new connection take one packet for 200 ms, then
// twice as many after each 25 ms.
func TestMachineRampsUpAStream(t *testing.T) {
	d := connected(t, newPolicy(TCP))
	d.is(probing)
	d.queued(100)
	d.want("write 0", "wait 20ms")
	d.run(199 * time.Millisecond)
	for _, want := range []int{1, 2, 4, 8, 16} {
		d.holds(100-want, want)
		d.acked(want)
		d.run(time.Millisecond)
		d.holds(100-2*want, 2*want)
		d.run(24 * time.Millisecond)
		d.holds(100-2*want, 2*want) // nothing is confirmed in doubt
	}
	d.run(100 * time.Millisecond)
	d.holds(0, 100)
	d.run(4574 * time.Millisecond)
	d.holds(0, 100)
	d.acked(99)
	d.run(2 * time.Millisecond)
	d.holds(0, 1)
}

// TestMachineBoundsADoubtedStream has more lines than may be in flight.
func TestMachineBoundsADoubtedStream(t *testing.T) {
	p := newPolicy(TCP)
	p.maxInFlight = 450
	d := connected(t, p)
	d.queued(10)
	d.run(4 * time.Second)
	d.holds(5, 5)
	d.acked(5)
	d.run(time.Second)
	d.holds(0, 5)
}

// TestMachineConfirmsWhatIsAcknowledged looks at the kernel's counter every 20
// ms while packets are in flight.
func TestMachineConfirmsWhatIsAcknowledged(t *testing.T) {
	d := trusted(t, TCP)
	d.want("wait 1h0m0s")
	d.queued(3)
	d.want("write 0", "write 1", "write 2", "wait 1ms quiet")
	d.after(time.Millisecond)
	d.want("wait 19ms")
	d.after(19 * time.Millisecond)
	d.want("check", "wait 20ms")
	d.on(event{kind: evAcked, n: 201})
	d.want("confirm 1", "wait 20ms")
	d.on(event{kind: evAcked, n: 303})
	d.want("confirm 2")
	d.after(20 * time.Millisecond)
	d.want("check", "wait 1h0m0s")
}

// TestMachineSendsTheRestOfAStreamAgain has a connection break within a packet.
func TestMachineSendsTheRestOfAStreamAgain(t *testing.T) {
	f := func(acked int, waiting int, want ...string) {
		t.Helper()
		d := trusted(t, TCP)
		d.queued(3)
		d.want("write 0", "write 1")
		d.on(event{kind: evBlocked})
		d.on(event{kind: evAcked, n: acked})
		d.on(reset)
		d.want(want...)
		d.holds(waiting, 0)
		d.is(paused)
	}
	f(0, 3, "close", "lookup", "away")
	f(100, 3, "close", "trim 100", "lookup", "away")
	f(101, 2, "confirm 1", "close", "lookup", "away")
	f(150, 2, "confirm 1", "close", "trim 49", "lookup", "away")
	f(220, 1, "confirm 2", "close", "trim 18", "lookup", "away") // of the packet that is partly written
}

// TestMachineLetsTheServerRead has the server close its end: it may still read.
func TestMachineLetsTheServerRead(t *testing.T) {
	d := trusted(t, TCP)
	d.queued(2)
	d.want("write 0", "write 1")
	d.on(ended)
	d.is(finishing)
	d.want("finish", "check", "wait 5ms")
	d.on(ended)
	d.acked(2)
	d.want("close", "confirm 2", "lookup", "away")
	d.is(paused)

	// It takes no longer than a second.
	d = trusted(t, TCP)
	d.queued(2)
	d.want("write 0", "write 1")
	d.on(ended)
	d.acked(1)
	d.run(999 * time.Millisecond)
	d.is(finishing)
	d.run(time.Millisecond)
	d.is(paused)
	d.holds(1, 0)

	// Nothing is in flight.
	d = trusted(t, TCP)
	d.on(ended)
	d.want("close", "lookup", "away")

	// A Unix socket has it all.
	d = trusted(t, Unix)
	d.queued(1)
	d.want("write 0", "confirm 1")
	d.on(ended)
	d.want("close", "lookup", "away")
}

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
