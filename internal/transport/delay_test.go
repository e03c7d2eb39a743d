package transport_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"statsd-http-proxy/internal/proxytest"
)

// delayedAck is how long Linux waits with an acknowledgement.
const delayedAck = 40 * time.Millisecond

// dialWithNagle opens a connection that waits for an acknowledgement before it sends
// another small packet.
func dialWithNagle(p *proxytest.Proxy) net.Conn {
	p.T.Helper()
	conn := p.Dial()
	if err := conn.(*net.TCPConn).SetNoDelay(false); err != nil {
		p.T.Fatal(err)
	}
	return conn
}

// quickest returns the shortest time that f takes. One quick call shows that f does not
// always wait for a delayed acknowledgement, also on a busy machine.
func quickest(f func()) time.Duration {
	quickest := time.Hour
	for range 10 {
		start := time.Now()
		f()
		quickest = min(quickest, time.Since(start))
	}
	return quickest
}

// TestNoRequestWaitsForADelayedAcknowledgement has clients send a request in two packets.
func TestNoRequestWaitsForADelayedAcknowledgement(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can acknowledge at once")
	}
	const heads = "POST /count/k HTTP/1.1\r\nHost: h\r\n"
	for _, parts := range [][]string{
		{heads + "Content-Length: 7\r\n\r\n", "value=1"},
		{heads, "Content-Length: 0\r\n\r\n"},
		{heads + "Content-Length: 7\r\n\r\nval", "ue=1"},
		{heads + "Transfer-Encoding: chunked\r\n\r\n", "7\r\nvalue=1\r\n", "0\r\n\r\n"},
	} {
		for _, withTLS := range []bool{false, true} {
			changes := []func(*proxytest.Options){}
			if withTLS {
				changes = append(changes, proxytest.WithTLS)
			}
			p := proxytest.Start(t, changes...)
			conn := dialWithNagle(p)
			if withTLS {
				conn = tls.Client(conn, clientConfig("h"))
			}
			reader := bufio.NewReader(conn)
			send := func() {
				for _, part := range parts {
					if _, err := io.WriteString(conn, part); err != nil {
						t.Fatal(err)
					}
				}
				if a := p.Read(reader, "POST"); a.Status != 200 {
					t.Errorf("%q: status %d", parts, a.Status)
				}
			}
			for range 30 {
				send() // at first the kernel acknowledges at once by itself
			}
			if took := quickest(send); took >= delayedAck {
				t.Errorf("%q, TLS %t: each request takes %v or more", parts, withTLS, took)
			}
		}
	}
}

// TestNoTLSConnectionWaitsForADelayedAcknowledgement has clients open a connection for each
// request.
func TestNoTLSConnectionWaitsForADelayedAcknowledgement(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can acknowledge at once")
	}
	for version, name := range map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		p := proxytest.Start(t, proxytest.WithTLS)
		config := clientConfig("h")
		config.MaxVersion = version
		took := quickest(func() {
			conn := tls.Client(dialWithNagle(p), config)
			defer conn.Close()
			fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n")
			fmt.Fprint(conn, "value=1")
			if a := p.Read(bufio.NewReader(conn), "POST"); a.Status != 200 {
				t.Errorf("status %d", a.Status)
			}
		})
		if took >= delayedAck {
			t.Errorf("TLS %s: each connection takes %v or more", name, took)
		}
	}
}
