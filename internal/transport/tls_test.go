package transport_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

// pieceConn sends what is written to it in pieces of a size, or after hold is unset all at
// once.
type pieceConn struct {
	net.Conn
	size int // 0 for any
	hold bool
	held []byte
}

func (c *pieceConn) Write(b []byte) (int, error) {
	c.held = append(c.held, b...)
	if c.hold {
		return len(b), nil
	}
	for len(c.held) > 0 {
		n := len(c.held)
		if c.size > 0 {
			n = min(n, c.size)
		}
		if _, err := c.Conn.Write(c.held[:n]); err != nil {
			return 0, err
		}
		c.held = c.held[n:]
	}
	return len(b), nil
}

// TestTLSRecordsArriveInAnyPieces sends several requests in a record and in many, which
// arrive in segments that do not end with a record. The last request comes with the end of
// the TLS connection, while TCP stays open.
func TestTLSRecordsArriveInAnyPieces(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	const request = "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=1"
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, size := range []int{0, 1, 7, 100} {
			pieces := &pieceConn{Conn: p.Dial(), size: size}
			config := clientConfig("h")
			config.MaxVersion = version
			conn := tls.Client(pieces, config)
			if err := conn.Handshake(); err != nil {
				t.Fatal(err)
			}
			reader := bufio.NewReader(conn)
			for _, records := range [][]string{
				{request},
				{request[:1], request[1:]},
				{request, request, request},
				{request + request},
				{request + request[:20], request[20:50], request[50:]},
			} {
				count := 0
				pieces.hold = true
				for i, text := range records {
					pieces.hold = i < len(records)-1
					fmt.Fprint(conn, text)
					count += len(text)
				}
				for range count / len(request) {
					if a := p.Read(reader, "POST"); a.Status != 200 {
						t.Errorf("version %x, pieces of %d, %q: status %d", version, size, records, a.Status)
					}
				}
			}
			pieces.hold = true
			fmt.Fprint(conn, request)
			pieces.hold = false
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if a := p.Read(reader, "POST"); a.Status != 200 {
				t.Errorf("version %x, pieces of %d, with the end: status %d", version, size, a.Status)
			}
			if _, err := reader.ReadByte(); err != io.EOF {
				t.Errorf("version %x, pieces of %d, after the end: got %v, want EOF", version, size, err)
			}
			conn.Close()
		}
	}
}

// TestPanicCostsOneHandshake has the certificate panic. The log shows where.
func TestPanicCostsOneHandshake(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) {
		o.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName == "bad.example" {
				return panicForCertificate()
			}
			return proxytest.SelfSigned(hello)
		}
	})
	if err := tls.Client(p.Dial(), clientConfig("bad.example")).Handshake(); err == nil {
		t.Error("a handshake that panics: got no error")
	}
	proxytest.Poll(t, func() bool { return p.Stats().ConnsIdle == 0 })
	if got := p.Stats(); got.Panics != 1 || got.HandshakesFailed != 1 || got.HandshakesWaiting != 0 {
		t.Errorf("got %d panics, %d failed handshakes, %d waiting, want 1, 1, 0", got.Panics, got.HandshakesFailed, got.HandshakesWaiting)
	}
	if log := p.Log.String(); !strings.Contains(log, "out of paper") || !strings.Contains(log, "panicForCertificate") {
		t.Errorf("the log: got %s, want the panic and its stack", log)
	}
	if err := tls.Client(p.Dial(), clientConfig("good.example")).Handshake(); err != nil {
		t.Errorf("the next handshake: %v", err)
	}
}

func panicForCertificate() (*tls.Certificate, error) { panic("out of paper") }
