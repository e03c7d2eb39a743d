package sender

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// renewing returns a harness with a machine that renews its socket every 10 s.
func renewing(t *testing.T) *harness {
	t.Helper()
	p := newPolicy(UDP)
	p.renewInterval = 10 * time.Second
	d := newHarness(t, p)
	d.on(event{kind: evResolved, addrs: []string{"a"}})
	d.want("dial a", "wait 1h0m0s")
	d.on(event{kind: evDialed})
	return d
}

func TestMachineRenewsItsSocket(t *testing.T) {
	d := renewing(t)
	d.want("wait 10s")
	d.after(9 * time.Second)
	d.want("wait 1s")
	d.after(time.Second)
	d.want("renew", "wait 4.04s")
	d.after(4*time.Second + 39*time.Millisecond)
	d.want("wait 1ms")
	d.after(time.Millisecond)
	d.want("close old", "wait 5.96s")
	if got := d.run(time.Minute); count(got, "renew") != 6 || count(got, "close old") != 6 || len(got) != 12 {
		t.Errorf("in a minute: got %q, want six renewals", got)
	}
}

// TestMachineKeepsOneOldSocket renews more often than the old socket can be closed.
func TestMachineKeepsOneOldSocket(t *testing.T) {
	d := renewing(t)
	d.m.policy.renewInterval = time.Second
	d.after(time.Second)
	want := []string{"renew", "close old", "renew", "close old", "renew"}
	if got := d.run(9 * time.Second); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestMachineRenewsBeforeItWrites has the socket renewed while packets wait and are in
// flight. A refusal of the old socket makes the machine write again what it refused.
func TestMachineRenewsBeforeItWrites(t *testing.T) {
	d := renewing(t)
	d.after(9 * time.Second)
	d.queued(2)
	d.want("write 0", "write 1")
	d.after(time.Second)
	d.queued(2)
	d.want("renew", "write 2", "write 3")
	d.holds(0, 4)
	d.on(event{kind: evRefused, seq: 1, err: errTest, isPrompt: true})
	d.want("confirm 1", "close", "lookup", "away", "wait 100ms")
	d.holds(3, 0)
	d.after(100 * time.Millisecond)
	d.want("dial a")
	d.on(event{kind: evDialed})
	d.want("write 1", "wait 20ms")
	d.after(20 * time.Millisecond)
	d.want("back")
	if got := d.run(9 * time.Second); count(got, "close old") > 0 || count(got, "renew") > 0 {
		t.Errorf("9 s after a new connection: got %q, want no renewal", got)
	}
	if got := d.run(time.Second); count(got, "renew") != 1 {
		t.Errorf("10 s after a new connection: got %q, want a renewal", got)
	}
}

// TestMachineForgetsThatRefusalsArePrompt has another backend answer after a renewal. Its
// refusals may come later.
func TestMachineForgetsThatRefusalsArePrompt(t *testing.T) {
	f := func(kind, want pathKind) {
		t.Helper()
		d := renewing(t)
		d.m.addrs.current().kind = kind
		d.after(10 * time.Second)
		d.want("renew")
		if got := d.m.addrs.current().kind; got != want {
			t.Errorf("a path of the kind %d: got %d, want %d", kind, got, want)
		}
	}
	f(promptPath, unknownPath)
	f(limitedPath, limitedPath)
	f(unknownPath, unknownPath)
}

func TestMachineRenewsOnlyWhileTheServerIsUp(t *testing.T) {
	f := func(what string, change func(*harness)) {
		t.Helper()
		d := renewing(t)
		d.after(9 * time.Second)
		change(d)
		d.after(time.Second)
		for a := d.m.next(d.now); a.kind != actWait && a.kind != actStop; a = d.m.next(d.now) {
			if a.kind == actRenew {
				t.Errorf("%s: the socket is renewed", what)
				return
			}
			d.finish(a)
		}
	}
	f("never", func(d *harness) { d.m.policy.renewInterval = 0 })
	f("in doubt", func(d *harness) { d.m.doubtUntil = d.now.Add(time.Minute) })
	f("probing", func(d *harness) { d.m.state, d.m.upAt = probing, d.now.Add(time.Minute) })
	f("away", func(d *harness) { d.on(event{kind: evRefused, err: errTest}) })
	f("closing", func(d *harness) {
		d.queued(1)
		d.on(event{kind: evClosing, deadline: d.now.Add(time.Minute)})
	})
}

// TestLoopRenewsUDPSockets checks that a refusal of the old socket is seen when that is
// about to be closed, as after a pause of the process.
func TestLoopRenewsUDPSockets(t *testing.T) {
	inBubble(t, Options{ResolveInterval: 10 * time.Second}, func(t *testing.T, n *fakeNet) {
		state := func(renewals int, hasOld bool) {
			t.Helper()
			c := n.last()
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.renewals != renewals || c.hasOld != hasOld {
				t.Errorf("got %d renewals, and an old socket: %t; want %d, %t", c.renewals, c.hasOld, renewals, hasOld)
			}
		}
		pass(10*time.Second - time.Millisecond)
		state(0, false)
		pass(time.Millisecond)
		state(1, true)
		pass(5 * time.Second)
		state(1, false)
		pass(5 * time.Second)
		state(2, true)
		send(t, n.s, "a:1|c")
		pass(4 * time.Second)
		c := n.last()
		c.mu.Lock() // without a signal
		c.known.refused = []refusedPacket{{quoted: []byte("a:1|c"), err: syscall.ECONNREFUSED, isLoopback: true}}
		c.mu.Unlock()
		pass(39 * time.Millisecond)
		if c.hasClosed() {
			t.Fatal("the connection is closed before anything has looked at it")
		}
		pass(time.Millisecond)
		if !c.hasClosed() {
			t.Error("a refusal that came before the old socket was closed is lost")
		}
		pass(time.Second)
		if got := n.last().lines(); !slices.Equal(got, []string{"a:1|c"}) {
			t.Errorf("after the refusal: got %q, want the refused line", got)
		}
	})
	for _, network := range []string{TCP, Unix, Unixgram} {
		inBubble(t, Options{Network: network, ResolveInterval: time.Second}, func(t *testing.T, n *fakeNet) {
			pass(time.Minute)
			if got := n.last().renewals; got > 0 {
				t.Errorf("%s: got %d renewals, want none", network, got)
			}
		})
	}
}
