package transport_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"testing"
	"time"

	"statsd-http-proxy/internal/proxytest"
)

// TestPlainHTTPOnTheTLSPort has clients forget the s in https.
func TestPlainHTTPOnTheTLSPort(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	for _, request := range []string{
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=1",
		"GET /heartbeat HTTP/1.0\r\n\r\n",
		"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", // of a load balancer with HTTP/2 and without TLS
		"GET / HTTP/1.1\r\nHost h\r\n\r\n",
	} {
		a := p.RoundTrip(p.Dial(), request[:3], request)
		p.Rejects(request, a, 400, "https://")
		if !a.Closes {
			t.Errorf("%q: the response does not say that the connection closes", request)
		}
	}
	if a := p.RoundTrip(p.Dial(), "HEAD", "HEAD /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n"); a.Status != 400 || a.Body != "" {
		t.Errorf("HEAD: got %d %q, want 400 without a body", a.Status, a.Body)
	}
}

// TestTLSOnThePlainPort has a client speak TLS to a port without it. It fails at once.
func TestTLSOnThePlainPort(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		start := time.Now()
		if err := tls.Client(p.Dial(), clientConfig("h")).Handshake(); err == nil {
			t.Error("the handshake succeeds")
		}
		conn := p.Dial()
		fmt.Fprint(conn, "\x16")
		if text, err := io.ReadAll(conn); err != nil || len(text) > 0 {
			t.Errorf("got %q, %v, want the end of the connection", text, err)
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("the connections were closed after %v, want at once", took)
		}
	})
}
