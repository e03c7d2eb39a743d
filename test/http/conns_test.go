package http

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// dialFrom connects to the proxy from an address of the loopback network. The test
// closes the connection at its end.
func dialFrom(t *testing.T, p *testutil.Proxy, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: testutil.Patience}
	conn, err := dialer.Dial("tcp", p.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(testutil.Patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// isServed sends a request on the connection and reports whether the response is
// 200. If the proxy has rejected the connection, the request may fail, or the proxy's
// response may be lost.
func isServed(conn net.Conn) bool {
	if _, err := io.WriteString(conn, "GET /heartbeat HTTP/1.1\r\nHost: proxy\r\n\r\n"); err != nil {
		return false
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// mustBeRejected reads from a new connection that has sent nothing. It fails the test
// unless the proxy answers 503 and closes the connection.
func mustBeRejected(t *testing.T, conn net.Conn) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("a connection beyond the limit: got %v, want a response", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" ||
		!response.Close || !strings.Contains(string(answer), "too many connections") {
		t.Errorf("a connection beyond the limit: got %s %v %s %v, want 503 with Retry-After, then the end of the connection",
			response.Status, response.Header, answer, err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a connection beyond the limit: got %v after the response, want its end", err)
	}
}

// longTimeouts keep the connections of a test open.
var longTimeouts = []string{"--http-timeout-idle=60", "--http-timeout-read=60"}

func TestProxyRejectsConnectionsBeyondMaxConns(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxyWith(t, []string{"MAX_CONNS=3"}, "", longTimeouts...)
	var conns []net.Conn
	for _, address := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
		conns = append(conns, dialFrom(t, proxy, address))
	}
	mustBeRejected(t, dialFrom(t, proxy, "127.0.0.4"))
	for _, conn := range conns {
		if !isServed(conn) {
			t.Errorf("the connection from %s is not served", conn.LocalAddr())
		}
	}
	conns[0].Close()
	testutil.Eventually(t, "a new connection in place of a closed one", func() bool { return isServed(dialFrom(t, proxy, "127.0.0.4")) })
	mustBeRejected(t, dialFrom(t, proxy, "127.0.0.5"))
	if log := proxy.Stderr.String(); strings.Count(log, "too many connections") != 1 {
		t.Errorf("the log: got %s, want one entry about too many connections", log)
	}
	for _, conn := range conns {
		conn.Close()
	}
	proxy.Stop(t)
}

func TestProxyRejectsConnectionsBeyondMaxConnsPerIP(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxyWith(t, nil, "max-conns-per-ip 2\n", append(longTimeouts, "--trusted-proxies=127.0.0.9", "--max-conns=12")...)
	var conns []net.Conn
	for _, address := range []string{"127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"} {
		conns = append(conns, dialFrom(t, proxy, address))
	}
	mustBeRejected(t, dialFrom(t, proxy, "127.0.0.1"))
	mustBeRejected(t, dialFrom(t, proxy, "127.0.0.2"))
	// A balancer's connections carry many clients, so no limit per address applies.
	for range 8 {
		conns = append(conns, dialFrom(t, proxy, "127.0.0.9"))
	}
	mustBeRejected(t, dialFrom(t, proxy, "127.0.0.9")) // there are 12 already
	for _, conn := range conns {
		if !isServed(conn) {
			t.Errorf("a connection from %s is not served", conn.LocalAddr())
		}
	}
	conns[0].Close()
	testutil.Eventually(t, "a new connection in place of a closed one", func() bool { return isServed(dialFrom(t, proxy, "127.0.0.1")) })
	mustBeRejected(t, dialFrom(t, proxy, "127.0.0.1"))
	for _, conn := range conns {
		conn.Close()
	}
	proxy.Stop(t)
}
