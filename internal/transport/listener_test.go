package transport_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/proxytest"
)

// flakyListener fails in its first Accept, as without file descriptors.
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
	p := proxytest.Start(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &flakyListener{Listener: inner}
	go net.Dial("tcp", inner.Addr().String())
	if err := p.AcceptWith(l); err != nil {
		t.Fatalf("Accept failed: %v", err)
	}
	if !strings.Contains(p.Log.String(), "too many open files") {
		t.Errorf("the log does not report it: %s", p.Log)
	}
	inner.Close()
	if err := p.AcceptWith(l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
}

func TestConnectionsAreLimited(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.Conns = limit.NewConns(2, 0, nil) })
	rejected := func() int {
		t.Helper()
		// The proxy rejects the connection before the client sends anything.
		response, err := http.ReadResponse(bufio.NewReader(p.Dial()), nil)
		if err != nil {
			t.Fatalf("read the response: %v", err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != `{"error":"too many connections"}` {
			t.Errorf("got %q, %v", body, err)
		}
		return response.StatusCode
	}
	first, second := p.Dial(), p.Dial()
	const request = "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n"
	for _, conn := range []io.ReadWriter{first, second} {
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		if a := p.Read(bufio.NewReader(conn), "GET"); a.Status != 200 {
			t.Fatalf("a connection within the limit: %d", a.Status)
		}
	}
	if status := rejected(); status != 503 {
		t.Errorf("a connection beyond the limit: %d", status)
	}
	second.Close()
	// The proxy needs a moment to notice it.
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if isServed(p) {
			break
		}
		if time.Since(start) > proxytest.Timeout {
			t.Fatal("no connection is accepted after one was closed")
		}
	}
	const want = `level=WARN msg="connections rejected" reason="too many connections" option=--max-conns count=1 client=127.0.0.1`
	if !strings.Contains(p.Log.String(), want) {
		t.Errorf("the log does not have %s:\n%s", want, p.Log)
	}
}

func TestLogNamesTheLimitOfConnectionsOfAClient(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.Conns = limit.NewConns(0, 1, nil) })
	first := p.Dial()
	const request = "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n"
	if a := p.RoundTrip(first, "GET", request); a.Status != 200 {
		t.Fatalf("a connection within the limit: %d", a.Status)
	}
	for range 3 {
		if text, err := io.ReadAll(p.Dial()); err != nil || !strings.Contains(string(text), "503") {
			t.Errorf("a connection beyond the limit: got %q, %v, want a 503", text, err)
		}
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	const line = `msg="connections rejected" reason="too many connections" option=--max-conns-per-ip count=`
	if log := p.Log.String(); strings.Count(log, line) != 2 || !strings.Contains(log, line+"2 client=127.0.0.1\n") {
		t.Errorf("the log does not have one line at once and one about two connections at the end:\n%s", log)
	}
}

// isServed reports whether the proxy serves a new connection.
func isServed(p *proxytest.Proxy) bool {
	response, err := http.Get("http://" + p.Address + "/heartbeat")
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}
