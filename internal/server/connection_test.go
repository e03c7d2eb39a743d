package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func newReader(conn net.Conn) *bufio.Reader { return bufio.NewReader(conn) }

// poll waits until done.
func poll(t testing.TB, done func() bool) {
	t.Helper()
	for start := time.Now(); !done(); time.Sleep(time.Millisecond) {
		if time.Since(start) > deadline {
			t.Fatal("waited in vain")
		}
	}
}

func TestConnectionsAreKept(t *testing.T) {
	p := start(t)
	f := func(proto, headers string, kept bool) {
		t.Helper()
		conn := p.dial()
		reader := newReader(conn)
		request := fmt.Sprintf("POST /count/k HTTP/%s\r\nHost: h\r\n%s\r\n", proto, headers)
		for range 2 {
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			p.forwards(proto+headers, p.read(reader, "POST"), "k:0|c")
			if !kept {
				if b, err := reader.ReadByte(); err != io.EOF {
					t.Errorf("HTTP/%s with %q: got %q, %v, want the end", proto, headers, b, err)
				}
				return
			}
		}
	}
	f("1.1", "", true)
	f("1.1", "Connection: close\r\n", false)
	f("1.1", "connection: x, Close \r\n", false)
	f("1.1", "Connection: x\r\nConnection: close\r\n", false)
	f("1.1", "Connection: keep-alive, closed\r\n", true)
	f("1.0", "", false)
	f("1.0", "Connection: keep-alive\r\n", true)
	f("1.0", "Connection: close, keep-alive\r\n", false)
}

func TestRefusedRequestLeavesItsConnectionUsable(t *testing.T) {
	p := start(t, withTokens)
	conn := p.dial()
	reader := newReader(conn)
	send := func(headers string) answer {
		t.Helper()
		fmt.Fprintf(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n%s\r\nvalue=1", headers)
		return p.read(reader, "POST")
	}
	p.refuses("no token", send(""), 401, "missing")
	p.refuses("bad token", send("X-JWT-Token: x\r\n"), 403, "malformed")
	p.forwards("good token", send("X-JWT-Token: "+token(t, nil)+"\r\n"), "k:1|c")
}

// silently checks that the server closes a connection without a word.
func silently(t *testing.T, conn net.Conn) {
	t.Helper()
	if text, err := io.ReadAll(conn); err != nil || len(text) > 0 {
		t.Errorf("got %q, %v, want the end", text, err)
	}
}

func TestIdleConnectionsAreClosedSilently(t *testing.T) {
	p := start(t, func(o *Options) {
		o.ReadTimeout = 50 * time.Millisecond
		o.IdleTimeout = 50 * time.Millisecond
	})
	silently(t, p.dial()) // as browsers open them, ahead of need

	conn := p.dial()
	reader := newReader(conn)
	if _, err := io.WriteString(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	p.forwards("request", p.read(reader, "POST"), "k:0|c")
	silently(t, conn)
}

// TestRestingConnectionsGoOn: those that are idle, or in the midst of a head,
// hold nothing meanwhile.
func TestRestingConnectionsGoOn(t *testing.T) {
	plain, secure := start(t), start(t, func(o *Options) { o.GetCertificate = selfSigned })
	for p, conn := range map[*proxy]net.Conn{
		plain:  plain.dial(),
		secure: tls.Client(secure.dial(), &tls.Config{InsecureSkipVerify: true}),
	} {
		reader := newReader(conn)
		for range 3 {
			fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\nPOST /count/")
			p.forwards("whole", p.read(reader, "POST"), "k:0|c")
			poll(t, func() bool { return p.inState(busy) == 1 })
			fmt.Fprint(conn, "l HTTP/1.1\r\nHost: h\r\n\r\n")
			p.forwards("in two halves", p.read(reader, "POST"), "l:0|c")
			poll(t, func() bool { return p.inState(idle) == 1 })
		}
	}
}

// TestIdleTimeBeginsBehindTheAnswer: a client that takes its time to read has
// the time for its next request all the same.
func TestIdleTimeBeginsBehindTheAnswer(t *testing.T) {
	p := start(t, func(o *Options) { o.IdleTimeout = time.Second })
	conn := p.dial()
	// A request is as long as the buffer, so that none waits in it, and all
	// answers are more than sockets hold.
	const head, end, count = "GET /heartbeat HTTP/1.1\r\nHost: h\r\nOrigin: ", "\r\n\r\n", 2000
	request := head + strings.Repeat("o", maxHead-len(head+end)) + end
	stuck := make(chan struct{})
	go func() {
		rest := strings.Repeat(request, count)
		for len(rest) > 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(p.options.IdleTimeout * 3 / 2))
			n, err := io.WriteString(conn, rest[:maxHead])
			if rest = rest[n:]; errors.Is(err, os.ErrDeadlineExceeded) {
				close(stuck)
				_ = conn.SetWriteDeadline(time.Now().Add(deadline))
				_, _ = io.WriteString(conn, rest)
				return
			}
		}
	}()
	<-stuck
	for reader, i := newReader(conn), 0; i < count; i++ {
		if a := p.read(reader, "GET"); a.status != 200 {
			t.Fatalf("answer %d: status %d", i, a.status)
		}
	}
}

func TestSlowRequestsAreCutOff(t *testing.T) {
	p := start(t, func(o *Options) { o.ReadTimeout = 50 * time.Millisecond })
	for _, request := range []string{
		"POST /count/k HTTP/1.1\r\nHost:",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\nvalue=",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nval",
	} {
		p.refuses(request, p.raw("POST", request), 408, "in time")
	}
}

func TestTLSIsServed(t *testing.T) {
	p := start(t, func(o *Options) { o.GetCertificate = selfSigned })
	dial := func(config *tls.Config) (*tls.Conn, error) {
		config.InsecureSkipVerify = true
		conn := tls.Client(p.dial(), config)
		return conn, conn.Handshake()
	}
	conn, err := dial(&tls.Config{NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("the protocol is %q", got)
	}
	p.forwards("TLS", p.roundTrip(conn, "POST", "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n"), "k:0|c")

	// The answer gets through although the request is never read.
	conn, err = dial(&tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	large := fmt.Sprintf("POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", 4<<20, strings.Repeat("x", 4<<20))
	p.refuses("large", p.roundTrip(conn, "POST", large), 413, "larger")

	if _, err = dial(&tls.Config{MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
	plain := p.dial()
	fmt.Fprint(plain, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
	_, _ = io.ReadAll(plain)
	if sent := p.sink.take(); sent != nil {
		t.Errorf("plain HTTP to the TLS port sent %q", sent)
	}
}

func TestShutdownFinishesWhatHasBegun(t *testing.T) {
	p := start(t)
	body, head, unused, fresh, late := p.dial(), p.dial(), p.dial(), p.dial(), p.dial()
	bodyReader, headReader, unusedReader := newReader(body), newReader(head), newReader(unused)
	fmt.Fprint(body, "POST /count/body HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nval")
	fmt.Fprint(head, "POST /count/he")
	fmt.Fprint(unused, "POST /count/idle HTTP/1.1\r\nHost: h\r\n\r\n")
	p.forwards("idle", p.read(unusedReader, "POST"), "idle:0|c")
	poll(t, func() bool { return p.inState(idle) == 3 && p.inState(busy) == 2 })

	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	shut := make(chan error, 1)
	go func() { shut <- p.Shutdown(ctx) }()
	poll(t, p.draining.Load)
	fmt.Fprint(late, "POST /count/late HTTP/1.1\r\nHost: h\r\n\r\n")
	a := p.read(newReader(late), "POST")
	p.refuses("a request that begins late", a, 503, "shutting down")
	if !a.closes {
		t.Errorf("503 with %v", a.header)
	}
	silently(t, unused)
	silently(t, fresh)
	if conn, err := net.Dial("tcp", p.address); err == nil {
		silently(t, conn) // it was in the listener's backlog
	}

	fmt.Fprint(head, "ad HTTP/1.1\r\nHost: h\r\n\r\nGET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n")
	a = p.read(headReader, "POST")
	p.forwards("a request whose head had begun", a, "head:0|c")
	if !a.closes {
		t.Errorf("200 with %v", a.header)
	}
	silently(t, head)
	fmt.Fprint(body, "ue=1")
	a = p.read(bodyReader, "POST")
	p.forwards("a request whose body had begun", a, "body:1|c")
	if !a.closes {
		t.Errorf("200 with %v", a.header)
	}
	p.endsWell(shut)
}

// endsWell checks that Shutdown, whose result is sent to shut, and Serve return
// without an error.
func (p *proxy) endsWell(shut chan error) {
	p.t.Helper()
	for _, done := range []chan error{shut, p.stopped} {
		select {
		case err := <-done:
			if err != nil {
				p.t.Error(err)
			}
		case <-time.After(deadline):
			p.t.Fatal("the shutdown does not end")
		}
	}
}

// inState counts the connections in a state.
func (p *proxy) inState(state int32) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		if c.state.Load() == state {
			n++
		}
	}
	return n
}

func TestDrainingServerRefusesWhatBeginsLate(t *testing.T) {
	p := start(t)
	conn := p.dial()
	poll(t, func() bool { return p.inState(idle) == 1 })
	p.draining.Store(true)
	a := p.roundTrip(conn, "POST", "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
	p.refuses("a request that begins late", a, 503, "shutting down")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("503 with %v", a.header)
	}
}

// flakyListener fails to accept at first, as without file descriptors.
type flakyListener struct {
	net.Listener
	fail sync.Once
}

func (l *flakyListener) Accept() (conn net.Conn, err error) {
	l.fail.Do(func() { err = &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)} })
	if err != nil {
		return nil, err
	}
	return l.Listener.Accept()
}

func TestListenerOutlivesALackOfFileDescriptors(t *testing.T) {
	p := start(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(&flakyListener{Listener: inner}, p.Server)
	go net.Dial("tcp", inner.Addr().String())
	conn, err := l.acceptConn()
	if err != nil {
		t.Fatalf("Accept failed: %v", err)
	}
	conn.Close()
	if !strings.Contains(p.log.String(), "too many open files") {
		t.Errorf("the log is silent: %s", p.log)
	}
	inner.Close()
	if _, err := l.acceptConn(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
}

type faultySink struct{}

func (faultySink) Send([]byte, []int) error { panic("out of order") }

func TestPanicCostsOneRequest(t *testing.T) {
	p := start(t, func(o *Options) { o.Sink = faultySink{} })
	p.refuses("panic", p.do("POST", "/count/k", "value=1"), 500, "internal error")
	if a := p.do("GET", "/heartbeat", ""); a.status != 200 {
		t.Errorf("after the panic: %d", a.status)
	}
	if !strings.Contains(p.log.String(), "out of order") {
		t.Errorf("the log is silent: %s", p.log)
	}
}

func TestLogShowsLinesAndRefusalsButNoToken(t *testing.T) {
	p := start(t, withTokens)
	good := token(t, nil)
	p.forwards("good", p.do("POST", "/gauge/k?token="+good, "value=-1"), "k:0|g\nk:-1|g")
	p.refuses("bad", p.do("POST", "/count/a%0Alevel=ERROR?token="+good, "value=1"), 400, "control")
	p.refuses("bad token", p.do("POST", "/count/k", "value=1", "X-JWT-Token: "+good+"x"), 403, "signature")
	p.refuses("malformed", p.raw("POST", "POST /count/k?token="+good+" HTTP/9\r\nX-JWT-Token: "+good+"\r\n\r\n"), 400, "well-formed")
	p.refuses("long", p.do("POST", "/count/"+strings.Repeat("n", 5000), "value=1"), 401, "missing")
	log := p.log.String()
	for _, want := range []string{"msg=forwarded line=k:0|g", "msg=forwarded line=k:-1|g", "msg=refused status=400", `method=POST path="/count/a%0Alevel=ERROR"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log has no %s:\n%s", want, log)
		}
	}
	for part := range strings.SplitSeq(good, ".") {
		if strings.Contains(log, part) {
			t.Errorf("the log has a part of the token:\n%s", log)
		}
	}
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "time=") || len(line) > 1000 {
			t.Errorf("the log has the line %q", line)
		}
		if strings.Contains(line, "msg=refused") && !strings.Contains(line, "client=127.0.0.1") {
			t.Errorf("the line %q does not tell whom it is about", line)
		}
	}
}
