package test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

// dialFrom opens a connection from an address of the loopback network, which
// the test closes.
func (p *proxy) dialFrom(t *testing.T, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: harness.Patience}
	conn, err := dialer.Dial("tcp", p.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// isServed tells whether a connection is, with a request. One that is turned
// away may be gone before that, or lose its answer to it.
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

// expectTurnedAway checks what a new connection gets that sends nothing.
func expectTurnedAway(t *testing.T, conn net.Conn) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("a connection too many: got %v, want an answer", err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" ||
		!response.Close || !strings.Contains(string(answer), "too many connections") {
		t.Errorf("a connection too many: got %s %v %s %v, want 503 with Retry-After and the end of the connection",
			response.Status, response.Header, answer, err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("a connection too many: got %v after its answer, want its end", err)
	}
}

func TestConnectionsBeyondTheMostAreTurnedAway(t *testing.T) {
	proxy := startProxyWith(t, []string{"MAX_CONNS=3"}, "", longIdle, "--http-timeout-read=60")
	var conns []net.Conn
	for _, address := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
		conns = append(conns, proxy.dialFrom(t, address))
	}
	expectTurnedAway(t, proxy.dialFrom(t, "127.0.0.4"))
	for _, conn := range conns {
		if !isServed(conn) {
			t.Errorf("the connection from %s is not served", conn.LocalAddr())
		}
	}
	conns[0].Close()
	harness.Eventually(t, "the place of a closed connection", func() bool { return isServed(proxy.dialFrom(t, "127.0.0.4")) })
	expectTurnedAway(t, proxy.dialFrom(t, "127.0.0.5"))
	if log := proxy.Stderr.String(); strings.Count(log, "too many connections") != 1 {
		t.Errorf("the log: got %s, want one entry on too many connections", log)
	}
	proxy.Stop(t)
}

func TestConnectionsOfOneAddressAreLimited(t *testing.T) {
	proxy := startProxyWith(t, nil, "max-conns-per-ip 2\n", longIdle, "--http-timeout-read=60", "--trusted-proxies=127.0.0.9", "--max-conns=12")
	var conns []net.Conn
	for _, address := range []string{"127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"} {
		conns = append(conns, proxy.dialFrom(t, address))
	}
	expectTurnedAway(t, proxy.dialFrom(t, "127.0.0.1"))
	expectTurnedAway(t, proxy.dialFrom(t, "127.0.0.2"))
	// A balancer's connections are those of many clients.
	for range 8 {
		conns = append(conns, proxy.dialFrom(t, "127.0.0.9"))
	}
	expectTurnedAway(t, proxy.dialFrom(t, "127.0.0.9")) // there are 12
	for _, conn := range conns {
		if !isServed(conn) {
			t.Errorf("a connection from %s is not served", conn.LocalAddr())
		}
	}
	conns[0].Close()
	harness.Eventually(t, "the place of a closed connection", func() bool { return isServed(proxy.dialFrom(t, "127.0.0.1")) })
	expectTurnedAway(t, proxy.dialFrom(t, "127.0.0.1"))
	proxy.Stop(t)
}
