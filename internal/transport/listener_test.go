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
	"syscall"
	"testing"
	"time"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/proxytest"
)

// flakyListener fails in its first calls of Accept, as without file descriptors.
type flakyListener struct {
	net.Listener
	failures int // to come
}

func (l *flakyListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return l.Listener.Accept()
}

func TestListenerOutlivesALackOfFileDescriptors(t *testing.T) {
	p := proxytest.Start(t)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := p.NewListener(&flakyListener{Listener: inner, failures: 4})
	go net.Dial("tcp", inner.Addr().String())
	if err := l.Accept(); err != nil {
		t.Fatalf("Accept failed: %v", err)
	}
	if log := p.Log.String(); strings.Count(log, "could not be accepted") != 1 || !strings.Contains(log, "too many open files") {
		t.Errorf("want one line about the first failure:\n%s", log)
	}
	inner.Close()
	if err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if log := p.Log.String(); strings.Count(log, "could not be accepted") != 2 || !strings.Contains(log, "count=3") {
		t.Errorf("want a second line that counts the other failures:\n%s", log)
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
