package sender

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestLoopWritesCutPacketsAgain(t *testing.T) {
	inBubble(t, Options{DatagramBytes: 100}, func(t *testing.T, n *fakeNet) {
		pass(time.Second)
		lines := []string{strings.Repeat("a", 53), strings.Repeat("b", 52), strings.Repeat("c", 53)}
		for _, line := range lines {
			send(t, n.s, line)
			pass(100 * time.Millisecond)
		}
		c := n.last()
		c.set(func() {
			c.known.err = syscall.EMSGSIZE
			c.known.refused = []refusedPacket{{quoted: []byte(lines[0]), err: syscall.EMSGSIZE, mtu: 100}}
		})
		if got := c.lines(); !slices.Equal(got, append(lines, lines[0], lines[2])) {
			t.Errorf("got %q", got)
		}
		if got := n.s.Stats(); !got.IsUp || got.SendErrors != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestLoopKeepsAPacketThatWasNotWritten has the socket report that earlier packets were
// too long, while another packet waits.
func TestLoopKeepsAPacketThatWasNotWritten(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, n *fakeNet) {
		c := n.last()
		c.set(func() { c.writeErr = errBusy })
		send(t, n.s, "a:1|c")
		pass(100 * time.Millisecond)
		for range 3 {
			c.set(func() { c.known.err = syscall.EMSGSIZE })
			pass(100 * time.Microsecond)
		}
		c.set(func() { c.writeErr = nil })
		pass(100 * time.Millisecond)
		if got := c.lines(); !slices.Equal(got, []string{"a:1|c"}) {
			t.Errorf("got %q, want the packet", got)
		}
	})
}

func TestLoopDropsAPacketThatIsTooLarge(t *testing.T) {
	for _, network := range []string{UDP, Unixgram} {
		inBubble(t, Options{Network: network}, func(t *testing.T, n *fakeNet) {
			pass(time.Second)
			c := n.last()
			c.set(func() { c.writeErr = syscall.EMSGSIZE })
			send(t, n.s, "a:1|c\nb:1|c")
			pass(100 * time.Millisecond)
			c.set(func() { c.writeErr = nil })
			send(t, n.s, "c:1|c")
			pass(5 * time.Second)
			if got := c.lines(); !slices.Equal(got, []string{"c:1|c"}) {
				t.Errorf("%s: got %q", network, got)
			}
			if got := n.s.Stats(); got.LinesLostTooLarge != 2 || got.LinesSent != 1 || got.QueueLines != 0 || got.QueueBytes != 0 {
				t.Errorf("%s: %+v", network, got)
			}
			if !strings.Contains(n.log.String(), `msg="metrics lost" count=2 reason="the packet is too large for the socket"`) {
				t.Errorf("%s: got the log %s", network, n.log)
			}
		})
	}
}
