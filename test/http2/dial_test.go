package http2

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/testutil"
)

// dialConn connects to the proxy, over TLS if it serves that, for HTTP/2. The test closes
// the connection at its end.
func dialConn(t testing.TB, p *testutil.Proxy, secure bool) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(testutil.Patience))
	if !secure {
		return conn
	}
	encrypted := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{http2.NextProtoTLS}})
	if err := encrypted.Handshake(); err != nil {
		t.Fatal(err)
	}
	return encrypted
}

// dial opens a connection that speaks HTTP/2.
func dial(t testing.TB, p *testutil.Proxy, secure bool) *proxytest.HTTP2Client {
	t.Helper()
	return proxytest.NewHTTP2Client(t, dialConn(t, p, secure))
}
