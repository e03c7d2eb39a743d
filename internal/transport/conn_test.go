package transport_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/transport"
)

func TestConnectionsAreKept(t *testing.T) {
	p := proxytest.Start(t)
	f := func(proto, headers string, kept bool) {
		t.Helper()
		conn := p.Dial()
		reader := bufio.NewReader(conn)
		request := fmt.Sprintf("POST /count/k HTTP/%s\r\nHost: h\r\nContent-Length: 0\r\n%s\r\n", proto, headers)
		for range 2 {
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			p.Forwards(proto+headers, p.Read(reader, "POST"), "k:0|c")
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

func TestKeptConnectionsAnnounceTheirTimeout(t *testing.T) {
	f := func(timeout time.Duration, want string, connection, version string) {
		t.Helper()
		p := proxytest.Start(t, func(o *proxytest.Options) { o.IdleTimeout = timeout })
		a := p.Raw("GET", "GET /heartbeat HTTP/"+version+"\r\nHost: h\r\nConnection: "+connection+"\r\n\r\n")
		if got := a.Header.Get("Keep-Alive"); got != want {
			t.Errorf("after %v, %s in HTTP/%s: Keep-Alive is %q, want %q", timeout, connection, version, got, want)
		}
	}
	f(3*time.Second, "timeout=3", "keep-alive", "1.1")
	f(75900*time.Millisecond, "timeout=75", "x", "1.1")
	f(2999*time.Millisecond, "", "keep-alive", "1.1")
	f(time.Minute, "", "close", "1.1")
	f(time.Minute, "", "keep-alive", "1.0")
}

func TestRejectedRequestKeepsItsConnection(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	conn := p.Dial()
	reader := bufio.NewReader(conn)
	send := func(headers string) proxytest.Response {
		t.Helper()
		fmt.Fprintf(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n%s\r\nvalue=1", headers)
		return p.Read(reader, "POST")
	}
	p.Rejects("no token", send(""), 401, "missing")
	p.Rejects("bad token", send("X-JWT-Token: x\r\n"), 403, "malformed")
	p.Forwards("good token", send("X-JWT-Token: "+proxytest.Token(t, nil)+"\r\n"), "k:1|c")
}

// TestConnectionsGoOnAfterAPause pauses between requests and within heads: the proxy gives
// back its buffers then.
func TestConnectionsGoOnAfterAPause(t *testing.T) {
	plain, secure := proxytest.Start(t), proxytest.Start(t, func(o *proxytest.Options) { o.GetCertificate = proxytest.SelfSigned })
	for p, conn := range map[*proxytest.Proxy]net.Conn{
		plain:  plain.Dial(),
		secure: tls.Client(secure.Dial(), &tls.Config{InsecureSkipVerify: true}),
	} {
		reader := bufio.NewReader(conn)
		for range 3 {
			fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\nPOST /count/")
			p.Forwards("whole", p.Read(reader, "POST"), "k:0|c")
			proxytest.Poll(t, func() bool { return p.CountConns(transport.StateActive) == 1 })
			fmt.Fprint(conn, "l HTTP/1.1\r\nHost: h\r\n\r\n")
			p.Forwards("in two halves", p.Read(reader, "POST"), "l:0|c")
			proxytest.Poll(t, func() bool { return p.CountConns(transport.StateIdle) == 1 })
		}
	}
}

func TestTLSIsServed(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.GetCertificate = proxytest.SelfSigned })
	dial := func(config *tls.Config) (*tls.Conn, error) {
		config.InsecureSkipVerify = true
		conn := tls.Client(p.Dial(), config)
		return conn, conn.Handshake()
	}
	conn, err := dial(&tls.Config{NextProtos: []string{"http/1.1"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("the protocol is %q", got)
	}
	p.Forwards("TLS", p.RoundTrip(conn, "POST", "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n"), "k:0|c")

	// The client sees the response although the proxy does not read the request.
	conn, err = dial(&tls.Config{})
	if err != nil {
		t.Fatal(err)
	}
	large := fmt.Sprintf("POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", 4<<20, strings.Repeat("x", 4<<20))
	p.Rejects("large", p.RoundTrip(conn, "POST", large), 413, "larger")

	if _, err = dial(&tls.Config{MaxVersion: tls.VersionTLS11}); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
	plain := p.Dial()
	fmt.Fprint(plain, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
	_, _ = io.ReadAll(plain)
	if sent := p.Sink.Take(); sent != nil {
		t.Errorf("plain HTTP to the TLS port sent %q", sent)
	}
}

func TestRequestsOfAConnectionKeepTheirOrder(t *testing.T) {
	p := proxytest.Start(t)
	var pipeline strings.Builder
	var want []string
	for i := range 100 {
		body := fmt.Sprintf("value=%d", i)
		fmt.Fprintf(&pipeline, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		want = append(want, fmt.Sprintf("k:%d|c", i))
	}
	pipeline.WriteString("GET /heartbeat HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
	conn := p.Dial()
	p.Forwards("pipeline", p.RoundTrip(conn, "POST", pipeline.String()), waitFor(p, len(want), want)...)
}

// waitFor waits until count metrics were sent, and returns want.
func waitFor(p *proxytest.Proxy, count int, want []string) []string {
	p.T.Helper()
	proxytest.Poll(p.T, func() bool {
		n := p.Sink.Len()
		return n >= count || count > 0 && n == 0
	})
	return want
}

func TestChunkedBodyIsForwarded(t *testing.T) {
	p := proxytest.Start(t)
	const head = "POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
	p.Forwards("chunks", p.Raw("POST", head+"3\r\nval\r\n4\r\nue=5\r\n0\r\n\r\n"), "k:5|c")
	p.Forwards("no chunk", p.Raw("POST", head+"0\r\n\r\n"), "k:0|c")
}

type faultySink struct{}

func (faultySink) Send([]byte, []int) error { panic("out of order") }

func TestPanicCostsOneRequest(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.Sink = faultySink{} })
	p.Rejects("panic", p.Do("POST", "/count/k", "value=1"), 500, "internal error")
	if a := p.Do("GET", "/heartbeat", ""); a.Status != 200 {
		t.Errorf("after the panic: %d", a.Status)
	}
	proxytest.Poll(t, func() bool { return p.Stats().ConnsActive == 0 })
	if !strings.Contains(p.Log.String(), "out of order") {
		t.Errorf("the log does not report it: %s", p.Log)
	}
}
