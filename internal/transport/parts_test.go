package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/logtest"
)

// scriptedListener fails until a time, then accepts one connection, then is closed.
type scriptedListener struct {
	net.Listener
	until time.Time
	conn  net.Conn
	calls []time.Time
}

func (l *scriptedListener) Accept() (net.Conn, error) {
	l.calls = append(l.calls, time.Now())
	switch conn := l.conn; {
	case time.Now().Before(l.until):
		return nil, errors.New("too many open files")
	case conn != nil:
		l.conn = nil
		return conn, nil
	}
	return nil, net.ErrClosed
}

// TestAcceptIsRetried fails for some time and checks the pauses and the log.
func TestAcceptIsRetried(t *testing.T) {
	f := func(failing time.Duration, wantLog string) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			log := new(logtest.Buffer)
			s := New(Options{Logger: slog.New(slog.NewTextHandler(log, nil))})
			start := time.Now()
			inner := &scriptedListener{until: start.Add(failing), conn: new(net.TCPConn)}
			l := newListener(inner, s)
			if conn, err := l.acceptRaw(); conn == nil || err != nil {
				t.Errorf("got %v, %v", conn, err)
			}
			for i, pause := range []time.Duration{5, 10, 20, 40, 80, 100, 100, 100} {
				if i+1 < len(inner.calls) {
					if got := inner.calls[i+1].Sub(inner.calls[i]); got != pause*time.Millisecond {
						t.Errorf("pause %d was %v, want %v", i, got, pause*time.Millisecond)
					}
				}
			}
			if _, err := l.acceptRaw(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("after the end: %v", err)
			}
			lines := regexp.MustCompile(`count=\d+( error)?`).FindAllString(log.String(), -1)
			if got := strings.Join(lines, ", "); got != wantLog {
				t.Errorf("after %v of failures: the log has %q, want %q", failing, got, wantLog)
			}
		})
	}
	f(0, "")
	f(1, "count=1 error")
	f(150*time.Millisecond, "count=1 error, count=4")             // at the end, as less than 10 s have passed
	f(10*time.Second, "count=1 error, count=103")                 // when a connection is accepted
	f(15*time.Second, "count=1 error, count=104 error, count=49") // every 10 s, and at the end
}

func TestAddressOf(t *testing.T) {
	for want, addr := range map[string]net.Addr{
		"192.0.2.1":   net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:80")),
		"192.0.2.2":   net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[::ffff:192.0.2.2]:80")), // a listener for IPv4 and IPv6
		"2001:db8::1": net.TCPAddrFromAddrPort(netip.MustParseAddrPort("[2001:db8::1]:80")),
		"invalid IP":  &net.UnixAddr{Name: "@", Net: "unix"},
	} {
		if got := addressOf(addressConn{remote: addr}).String(); got != want {
			t.Errorf("%v: got %s, want %s", addr, got, want)
		}
	}
}

type addressConn struct {
	net.Conn
	remote net.Addr
}

func (c addressConn) RemoteAddr() net.Addr { return c.remote }

// tcpPair returns both ends of a connection.
func tcpPair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err == nil {
		server, err = l.Accept()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{client, server} {
		t.Cleanup(func() { c.Close() })
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return client, server
}

// TestServeAfterShutdown serves nothing, and closes the listener.
func TestServeAfterShutdown(t *testing.T) {
	s := New(Options{Logger: slog.New(slog.DiscardHandler)})
	if err := s.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	inner, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(inner); err != nil {
		t.Error(err)
	}
	if _, err := inner.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept afterwards: %v", err)
	}
}

// TestLateConnectionsAreClosed accepts a connection after the time for the shutdown.
func TestLateConnectionsAreClosed(t *testing.T) {
	s := New(Options{Logger: slog.New(slog.DiscardHandler)})
	client, server := net.Pipe()
	c := &conn{Conn: server, raw: server, server: s}
	s.track(c)
	if s.Stats().ConnsAccepted != 1 || s.Stats().ConnsIdle != 1 {
		t.Errorf("got %+v", s.Stats())
	}
	s.untrack(c)
	s.closeAll()
	go s.track(c)
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the end of the connection", err)
	}
}

// halfPipe is a pipe whose end can be closed for writing.
type halfPipe struct {
	net.Conn
	err  error
	ends *int
}

func (p halfPipe) CloseWrite() error { *p.ends++; return p.err }

// TestClosingConnectionLingers has clients send on after the last response.
func TestClosingConnectionLingers(t *testing.T) {
	f := func(wrap func(net.Conn, *int) net.Conn, client func(net.Conn), want time.Duration, wantEnds int) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			near, far := net.Pipe()
			defer near.Close()
			ends := 0
			raw := wrap(far, &ends)
			c := &conn{Conn: raw, raw: raw}
			var sending sync.WaitGroup
			sending.Go(func() { client(near) })
			start := time.Now()
			if c.closeGracefully(); time.Since(start) != want || ends != wantEnds {
				t.Errorf("it took %v, want %v; the end was sent %d times", time.Since(start), want, ends)
			}
			_ = far.Close()
			sending.Wait()
		})
	}
	half := func(c net.Conn, ends *int) net.Conn { return halfPipe{c, nil, ends} }
	sendsOn := func(c net.Conn) {
		for {
			if _, err := c.Write(bytes.Repeat([]byte("x"), 1000)); err != nil {
				return
			}
			time.Sleep(300 * time.Millisecond)
		}
	}
	f(half, sendsOn, time.Second, 1)
	f(half, func(net.Conn) {}, time.Second, 1)
	f(half, func(c net.Conn) { c.Close() }, 0, 1)
	f(func(c net.Conn, ends *int) net.Conn { return halfPipe{c, io.ErrClosedPipe, ends} }, sendsOn, 0, 1)
	f(func(c net.Conn, _ *int) net.Conn { return c }, sendsOn, 0, 0)
}

// TestBodyIsReadUpToItsLimit reads a body of seven bytes, all of which have arrived.
func TestBodyIsReadUpToItsLimit(t *testing.T) {
	f := func(limit int, wantData string, wantErr bool, wantState bodyState) {
		t.Helper()
		c := &conn{x: exchange.Acquire(netip.Addr{})}
		defer c.x.Release()
		c.in.acquireBuffer()
		c.in.w = copy(c.in.buffer[:], "value=1next")
		c.x.Request.BodyLength = len("value=1")
		data, herr := c.readBody(limit)
		if string(data) != wantData || (herr != nil) != wantErr || wantErr && herr.Status != 413 || c.body.state != wantState || c.x.BodyReceived != len(wantData) {
			t.Errorf("at most %d bytes: got %q, %v, the state %d and %d bytes received", limit, data, herr, c.body.state, c.x.BodyReceived)
		}
		if got := string(c.in.bytes()); got != "value=1next"[len(wantData):] {
			t.Errorf("at most %d bytes: %q is left", limit, got)
		}
	}
	f(7, "value=1", false, bodyRead)
	f(6, "", true, bodyUnread)
}

// TestDateIsOfThisSecond asks for the Date field at many times within some seconds.
func TestDateIsOfThisSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(300 * time.Millisecond)
		s := New(Options{Logger: slog.New(slog.DiscardHandler)})
		for range 50 {
			if got, want := s.dateAt(s.elapsed()), time.Now().UTC().Format(http.TimeFormat); got != want {
				t.Errorf("at %s: got %s", want, got)
			}
			time.Sleep(70 * time.Millisecond)
		}
	})
}

// writeConn is a connection whose Write is a function.
type writeConn struct {
	net.Conn
	write func(text []byte) (int, error)
}

func (c writeConn) Write(text []byte) (int, error) { return c.write(text) }

func (writeConn) SetWriteDeadline(time.Time) error { return nil }

// TestPanicsAreAnsweredOnce has a handler panic, then the write of its response: a part of it
// may have been sent. Then it has code between two requests panic.
func TestPanicsAreAnsweredOnce(t *testing.T) {
	f := func(state bodyState, wantLingers bool) {
		t.Helper()
		writes := 0
		s := New(Options{Logger: slog.New(slog.DiscardHandler)})
		c := &conn{server: s, stats: exchange.NewStats().Shard(), x: exchange.Acquire(netip.Addr{}), body: body{state: state}}
		c.Conn = writeConn{write: func(text []byte) (int, error) {
			if writes++; writes == 2 {
				panic("out of ink")
			}
			return len(text), nil
		}}
		check := func(what string, run func(), wantWrites int, wantPanics uint64) {
			t.Helper()
			func() {
				defer c.recoverPanic()
				run()
			}()
			if writes != wantWrites || s.stats.panics.Load() != wantPanics || c.lingers != wantLingers {
				t.Errorf("%s, body %d: got %d writes, %d panics, lingers %t, want %d, %d, %t",
					what, state, writes, s.stats.panics.Load(), c.lingers, wantWrites, wantPanics, wantLingers)
			}
		}
		check("the handler", func() { panic("out of order") }, 1, 1)
		check("the response", func() { _ = c.respond(false) }, 2, 2)
		c.x = nil
		check("between requests", func() { panic("out of time") }, 2, 3)
	}
	f(bodyRead, false)
	f(bodyUnread, true)
	f(bodyBroken, true)
}

func TestReadError(t *testing.T) {
	for err, want := range map[error]*exchange.HTTPError{
		os.ErrDeadlineExceeded: exchange.TooSlow, io.EOF: exchange.BodyTooShort, net.ErrClosed: exchange.BodyTooShort,
		&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}: exchange.TooSlow,
	} {
		if got := readError(err, exchange.BodyTooShort); got != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

// TestHandshakesCountOnce counts handshakes that end in different ways.
func TestHandshakesCountOnce(t *testing.T) {
	f := func(err error, want []uint64) {
		t.Helper()
		var s stats
		s.countHandshake(nil, err)
		if got := []uint64{s.full.Load(), s.resumed.Load(), s.failed.Load(), s.timedOut.Load()}; !slices.Equal(got, want) {
			t.Errorf("%v: got %v, want %v", err, got, want)
		}
	}
	f(errNotBegun, []uint64{0, 0, 0, 0})
	f(os.ErrDeadlineExceeded, []uint64{0, 0, 0, 1})
	f(errPlainHTTP, []uint64{0, 0, 1, 0})
	f(io.ErrUnexpectedEOF, []uint64{0, 0, 1, 0})
}
