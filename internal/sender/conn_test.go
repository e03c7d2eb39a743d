package sender

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"statsd-http-proxy/internal/logtest"
)

func TestErrorsSayWhoEndsAConnection(t *testing.T) {
	f := func(err error, wantRefused, wantClosed bool) {
		t.Helper()
		err = fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", err)})
		if got := isRefused(err); got != wantRefused {
			t.Errorf("isRefused(%v) = %v", err, got)
		}
		if got := isClosedByServer(err); got != wantClosed {
			t.Errorf("isClosedByServer(%v) = %v", err, got)
		}
	}
	f(syscall.ECONNREFUSED, true, false)
	f(syscall.ENOENT, true, false)
	f(syscall.ECONNRESET, false, true)
	f(syscall.EPIPE, false, true)
	f(errEnded, false, true)
	f(syscall.ETIMEDOUT, false, false)
	f(syscall.EHOSTUNREACH, false, false)
}

// TestAbstractSocket sends to a socket that has no file.
func TestAbstractSocket(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has abstract sockets")
	}
	address := fmt.Sprintf("@statsd-http-proxy-test-%d", os.Getpid())
	conn, err := net.ListenUnixgram(Unixgram, &net.UnixAddr{Name: address, Net: Unixgram})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s, _ := startSender(t, Options{Network: Unixgram, Address: address})
	send(t, s, "a:1|c")
	if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	packet := make([]byte, 100)
	if n, err := conn.Read(packet); err != nil || string(packet[:n]) != "a:1|c" {
		t.Errorf("got %q, %v", packet[:n], err)
	}
}

// TestSelfConnectionsAreDetected connects sockets to themselves, as the kernel does by
// chance if the server's port is free and among those for outgoing connections.
func TestSelfConnectionsAreDetected(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux connects a TCP socket to itself for sure")
	}
	f := func(network string, local, remote net.Addr, want bool) {
		t.Helper()
		c, err := (&net.Dialer{LocalAddr: local}).Dial(network, remote.String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if got := isSelfConnected(c); got != want {
			t.Errorf("from %s to %s: got %v, want %v", c.LocalAddr(), c.RemoteAddr(), got, want)
		}
	}
	l, err := net.Listen(TCP, "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f(TCP, nil, l.Addr(), false)
	l.Close()
	f(TCP, l.Addr(), l.Addr(), true)
	udp := listen(t)
	f(UDP, nil, udp.LocalAddr(), false)
	udp.Close()
	f(UDP, udp.LocalAddr(), udp.LocalAddr(), true)
}

// TestDialGivesUp connects to a server that does not answer.
func TestDialGivesUp(t *testing.T) {
	p := newPolicy(TCP)
	p.dialTimeout = time.Nanosecond
	c, _, err := newDialFunc(TCP, p)(t.Context(), "127.0.0.1:1")
	if netErr, ok := err.(net.Error); !ok || !netErr.Timeout() {
		if err == nil {
			c.close()
		}
		t.Errorf("got %v, want a timeout", err)
	}
}

// TestStreamFacts looks at what a TCP connection knows.
func TestStreamFacts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	connect := func() (conn, *net.TCPConn) {
		t.Helper()
		c, isSelfConnect, err := newDialFunc(TCP, newPolicy(TCP))(t.Context(), l.Addr().String())
		if err != nil || isSelfConnect {
			t.Fatalf("got %v, %v", isSelfConnect, err)
		}
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.SetDeadline(time.Now().Add(deadline)); err != nil {
			t.Fatal(err)
		}
		return c, server.(*net.TCPConn)
	}
	wait := func(c conn, what string, is func(connStatus) bool) {
		t.Helper()
		var f connStatus
		waitFor(t, func() bool { f = c.status(); return is(f) }, func() string { return fmt.Sprintf("%s: %+v", what, f) })
	}
	c, server := connect()
	if f := c.status(); f.acked != 0 || f.err != nil {
		t.Errorf("at the start: %+v", f)
	}
	text := append(make([]byte, 0, 10), "a:1|c"...)
	if err := c.write(text, time.Now()); err != nil {
		t.Fatal(err)
	}
	wait(c, "6 bytes are acknowledged", func(f connStatus) bool { return f.acked == 6 && f.err == nil })
	c.finish()
	if got, err := io.ReadAll(server); err != nil || string(got) != "a:1|c\n" {
		t.Errorf("got %q, %v", got, err)
	}
	wait(c, "the end counts for nothing", func(f connStatus) bool { return f.acked == 6 })
	server.Close()
	wait(c, "the server has closed it", func(f connStatus) bool { return f.err == errEnded && f.acked == 6 })
	c.close()

	c, server = connect()
	if err := server.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	server.Close()
	<-c.statusChanged()
	wait(c, "the server has reset it", func(f connStatus) bool { return isClosedByServer(f.err) && f.err != errEnded })
	c.close()
}

// TestLossesAreLoggedOnceASecond has losses a second apart.
func TestLossesAreLoggedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(logtest.Buffer)
		l := lossLog{log: slog.New(slog.NewTextHandler(log, nil))}
		l.add("too bad", 1)
		time.Sleep(lossInterval - 1)
		l.add("too bad", 2)
		before := log.String()
		time.Sleep(time.Nanosecond)
		l.add("too bad", 4)
		if got := log.String()[len(before):]; got == "" || before == "" || strings.Count(before, "count=1 ") != 1 || strings.Count(got, "count=6 ") != 1 {
			t.Errorf("got the log %s%s", before, got)
		}
	})
}

// TestFailedLookupsAreLoggedOnceAMinute has errors that name a different source port
// each time, as those of a resolver that nobody serves.
func TestFailedLookupsAreLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(logtest.Buffer)
		r := report{log: slog.New(slog.NewTextHandler(log, nil))}
		f := func(isKept bool, port, want int) {
			t.Helper()
			r.logAction(action{kind: actNotFound, isKept: isKept, err: fmt.Errorf("read udp 127.0.0.1:%d: connection refused", port)})
			if got := strings.Count(log.String(), "\n"); got != want {
				t.Errorf("the log has %d lines, want %d", got, want)
			}
		}
		f(false, 40001, 1)
		f(false, 40002, 1)
		f(true, 40003, 2)
		f(true, 40004, 2)
		time.Sleep(notFoundInterval)
		f(true, 40005, 3)
	})
}
