//go:build unix

package socket

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// timeout bounds every wait of a test.
const timeout = 10 * time.Second

// pair returns both ends of a connection.
func pair(t *testing.T, network, address string) (here, there net.Conn) {
	t.Helper()
	listener, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if here, err = net.Dial(network, listener.Addr().String()); err == nil {
		there, err = listener.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{here, there} {
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
			t.Fatal(err)
		}
	}
	return here, there
}

// rawOf returns the descriptor access of a connection.
func rawOf(t *testing.T, c net.Conn) syscall.RawConn {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestReceiveTellsTheRest(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "s")
		}
		here, there := pair(t, network, address)
		raw := rawOf(t, here)
		tells := false
		if err := raw.Control(func(fd uintptr) { tells = TellRest(fd) }); err != nil {
			t.Fatal(err)
		}
		if want := runtime.GOOS == "linux" && network == "tcp"; tells != want {
			t.Errorf("%s: TellRest returns %t, want %t", network, tells, want)
		}
		// f waits until there is something, and reads it.
		f := func(room int, want string, wantRest bool) {
			t.Helper()
			dst := make([]byte, room)
			var n int
			var hasRest bool
			var err error
			waitErr := raw.Read(func(fd uintptr) bool {
				n, hasRest, err = Receive(fd, dst)
				return err != syscall.EAGAIN
			})
			if waitErr != nil || err != nil || string(dst[:n]) != want || hasRest != (wantRest || !tells) {
				t.Errorf("%s: got %q, rest %t, %v, %v, want %q, %t", network, dst[:n], hasRest, err, waitErr, want, wantRest)
			}
		}
		write := func(text string) {
			if _, err := there.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := raw.Control(func(fd uintptr) {
			if n, hasRest, err := Receive(fd, make([]byte, 1)); n != 0 || !hasRest || err != syscall.EAGAIN {
				t.Errorf("nothing has arrived: got %d, %t, %v, want EAGAIN", n, hasRest, err)
			}
		}); err != nil {
			t.Fatal(err)
		}
		write("abc")
		f(8, "abc", false)
		write("abcdef")
		f(3, "abc", true)
		f(3, "def", false)
		there.Close()
		f(8, "", true)
	}
}

func TestRead(t *testing.T) {
	here, there := pair(t, "tcp", "127.0.0.1:0")
	raw := rawOf(t, here)
	dst := make([]byte, 3)
	// f reads, and waits for something to read if canWait is set.
	f := func(want string, wantErr error, canWait bool) {
		t.Helper()
		var n int
		var err error
		waitErr := raw.Read(func(fd uintptr) bool {
			n, err = Read(fd, dst)
			return err != syscall.EAGAIN || !canWait
		})
		if waitErr != nil || err != wantErr || string(dst[:n]) != want {
			t.Errorf("got %q, %v, %v, want %q, %v", dst[:n], err, waitErr, want, wantErr)
		}
	}
	f("", syscall.EAGAIN, false)
	if _, err := there.Write([]byte("abcd")); err != nil {
		t.Fatal(err)
	}
	f("abc", nil, true)
	f("d", nil, true)
	there.Close()
	f("", nil, true)
}

func TestWriterWritesWhatFits(t *testing.T) {
	here, there := pair(t, "tcp", "127.0.0.1:0")
	w := NewWriter(here)
	f := func(text string) {
		t.Helper()
		got := make([]byte, len(text))
		if n, err := w.TryWrite([]byte(text)); n != len(text) || err != nil {
			t.Errorf("got %d, %v, want %d", n, err, len(text))
		}
		if _, err := there.Read(got); err != nil || string(got) != text {
			t.Errorf("the other end got %q, %v, want %q", got, err, text)
		}
		if w.text != nil {
			t.Errorf("the writer keeps %q", w.text)
		}
	}
	f("abc")
	if err := here.SetWriteDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	f("a deadline plays no part")

	large := make([]byte, 1<<20)
	for range 1000 {
		n, err := w.TryWrite(large)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
	t.Error("the connection takes everything although nobody reads")
}

func TestWriterReturnsErrors(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	w := NewWriter(c)
	for start := time.Now(); err == nil && time.Since(start) < timeout; {
		_, err = w.TryWrite([]byte("a"))
	}
	want := &net.OpError{Op: "write", Net: "udp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError("write", syscall.ECONNREFUSED)}
	if !errors.Is(err, syscall.ECONNREFUSED) || err.Error() != want.Error() {
		t.Errorf("nobody listens: got %v, want %v", err, want)
	}
	c.Close()
	if n, err := w.TryWrite([]byte("a")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: got %d, %v, want that it is closed", n, err)
	}
}

func TestWriterNeedsADescriptor(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	if n, err := NewWriter(here).TryWrite([]byte("a")); n != 0 || err != nil {
		t.Errorf("got %d, %v, want 0", n, err)
	}
}
