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
