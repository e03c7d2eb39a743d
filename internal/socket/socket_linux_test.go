package socket

import (
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// refusing returns a UDP socket with an error queue, connected to a port where nobody
// listens.
func refusing(t *testing.T) *net.UDPConn {
	t.Helper()
	there, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", there.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := there.Close(); err != nil {
		t.Fatal(err)
	}
	control(t, c, func(fd uintptr) {
		if err := unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1); err != nil {
			t.Fatal(err)
		}
	})
	return c.(*net.UDPConn)
}

// control calls f with the descriptor of c.
func control(t *testing.T, c net.Conn, f func(fd uintptr)) {
	t.Helper()
	if err := rawOf(t, c).Control(f); err != nil {
		t.Fatal(err)
	}
}

// waitForError waits until a socket has an error.
func waitForError(t *testing.T, fd uintptr) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(fd)}}
	if n, err := unix.Poll(fds, int(timeout.Milliseconds())); n != 1 || fds[0].Revents&unix.POLLERR == 0 {
		t.Fatalf("no error within %s: %d, %v", timeout, n, err)
	}
}

func TestReceiveRefused(t *testing.T) {
	c := refusing(t)
	dst, info := make([]byte, 3), make([]byte, 256)
	control(t, c, func(fd uintptr) {
		if n, length, err := ReceiveRefused(fd, dst, info); n != 0 || length != 0 || err != syscall.EAGAIN {
			t.Errorf("nothing is refused: got %d, %d, %v", n, length, err)
		}
		if _, err := Send(fd, []byte("abcd")); err != nil {
			t.Fatal(err)
		}
		waitForError(t, fd)
		n, length, err := ReceiveRefused(fd, dst, info)
		if err != nil || string(dst[:n]) != "abc" {
			t.Fatalf("got %q, %v, want the beginning of the packet", dst[:max(0, n)], err)
		}
		messages, err := unix.ParseSocketControlMessage(info[:length])
		if err != nil || len(messages) != 1 || messages[0].Header.Type != unix.IP_RECVERR {
			t.Errorf("got control messages %v, %v, want one of the type IP_RECVERR", messages, err)
		}
	})
}

func TestPendingError(t *testing.T) {
	c := refusing(t)
	control(t, c, func(fd uintptr) {
		if err := PendingError(fd); err != 0 {
			t.Errorf("nothing is refused: got %v", err)
		}
		if _, err := Send(fd, []byte("abc")); err != nil {
			t.Fatal(err)
		}
		waitForError(t, fd)
		for _, want := range []syscall.Errno{syscall.ECONNREFUSED, 0} {
			if err := PendingError(fd); err != want {
				t.Errorf("got %v, want %v", err, want)
			}
		}
	})
}

func TestUnacknowledged(t *testing.T) {
	here, there := pair(t, "tcp", "127.0.0.1:0")
	control(t, here, func(fd uintptr) {
		if n, err := Unacknowledged(fd); n != 0 || err != nil {
			t.Errorf("nothing is written: got %d, %v", n, err)
		}
		// What does not fit into the buffer of the other end stays unacknowledged.
		text, sent := make([]byte, 1<<16), 0
		for {
			n, err := Send(fd, text)
			if err == syscall.EAGAIN {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			sent += n
		}
		if n, err := Unacknowledged(fd); n <= 0 || n > sent || err != nil {
			t.Errorf("got %d, %v, want 1 to %d", n, err, sent)
		}
	})
	control(t, there, func(fd uintptr) {
		if n, err := Unacknowledged(fd); n != 0 || err != nil {
			t.Errorf("the other end: got %d, %v", n, err)
		}
	})
}

func TestUnacknowledgedReturnsErrors(t *testing.T) {
	if n, err := Unacknowledged(^uintptr(0)); n != 0 || err != syscall.EBADF {
		t.Errorf("no descriptor: got %d, %v, want EBADF", n, err)
	}
}

// TestSendRaisesNoSignal writes to a connection that the other end has closed.
func TestSendRaisesNoSignal(t *testing.T) {
	// Go delivers pending signals in the order of their numbers, so a SIGPIPE comes before
	// the SIGWINCH that is sent after it.
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGPIPE, syscall.SIGWINCH)
	defer signal.Stop(signals)
	here, there := pair(t, "unix", filepath.Join(t.TempDir(), "s"))
	there.Close()
	control(t, here, func(fd uintptr) {
		if n, err := Send(fd, []byte("a")); n != 0 || err != syscall.EPIPE {
			t.Errorf("got %d, %v, want EPIPE", n, err)
		}
	})
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-signals:
		if got != syscall.SIGWINCH {
			t.Errorf("got the signal %v", got)
		}
	case <-time.After(timeout):
		t.Errorf("no signal within %s", timeout)
	}
}
