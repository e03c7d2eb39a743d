package transport_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/pires/go-proxyproto"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/proxytest"
)

// proxyHeader returns the header with which a load balancer begins a connection of client.
func proxyHeader(t *testing.T, version byte, client string) string {
	t.Helper()
	from := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(client), 1234))
	to := net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(client), 80))
	var text bytes.Buffer
	if _, err := proxyproto.HeaderProxyFromAddrs(version, from, to).WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func withProxyProtocol(networks string) func(*proxytest.Options) {
	return func(o *proxytest.Options) {
		trusted, err := limit.ParseTrustedProxies(networks)
		if err != nil {
			panic(err)
		}
		o.ProxyProtocol, o.TrustedProxies = trusted, trusted
		o.Conns = limit.NewConns(0, 2, trusted)
		o.RateLimit, o.RateBurst = 0.001, 3
	}
}

const proxiedRequest = "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=1"

// TestProxyProtocolNamesTheClient sends requests of several clients from one address. Each
// client has its own rate of three metrics.
func TestProxyProtocolNamesTheClient(t *testing.T) {
	for _, withTLS := range []bool{false, true} {
		for _, version := range []byte{1, 2} {
			changes := []func(*proxytest.Options){withProxyProtocol("127.0.0.1"), func(o *proxytest.Options) { o.Conns = nil }}
			if withTLS {
				changes = append(changes, proxytest.WithTLS)
			}
			p := proxytest.Start(t, changes...)
			for _, client := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::1"} {
				for i := range 5 {
					conn := p.Dial()
					fmt.Fprint(conn, proxyHeader(t, version, client))
					if withTLS {
						conn = tls.Client(conn, clientConfig("h"))
					}
					want := 200
					if i >= 3 {
						want = 429
					}
					fmt.Fprint(conn, proxiedRequest)
					if a := p.Read(bufio.NewReader(conn), "POST"); a.Status != want {
						t.Errorf("version %d, TLS %t: request %d of %s: got %d %s, want %d", version, withTLS, i, client, a.Status, a.Body, want)
					}
					conn.Close()
				}
			}
		}
	}
}

func TestProxyProtocolIsReadFromTrustedProxiesOnly(t *testing.T) {
	p := proxytest.Start(t, withProxyProtocol("192.0.2.0/24"))
	for _, version := range []byte{1, 2} {
		a := p.Raw("POST", proxyHeader(t, version, "192.0.2.1")+proxiedRequest)
		p.Rejects("a header from another address", a, 400, "not well-formed")
	}
}

// TestProxyProtocolHeaders sends headers with different contents.
func TestProxyProtocolHeaders(t *testing.T) {
	const v2 = "\r\n\r\n\x00\r\nQUIT\n"
	p := proxytest.Start(t, withProxyProtocol("127.0.0.1"), func(o *proxytest.Options) { o.RateLimit, o.RateBurst, o.Conns = 0, 0, nil })
	for _, header := range []string{
		"", // a health check of the load balancer
		"PROXY UNKNOWN\r\n",
		"PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n",
		v2 + "\x20\x00\x00\x00",                                                 // LOCAL
		v2 + "\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x01\x00\x50", // TCP over IPv4
		"PROXY TCP6 2001:db8::1 2001:db8::2 1 80\r\n",
		v2 + "\x21\x31\x00\xd8" + strings.Repeat("/\x00", 108),                               // a Unix domain socket
		v2 + "\x21\x11\x00\x10\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x01\x00\x50\x04\x00\x01x", // with a TLV
	} {
		a := p.Raw("POST", header+proxiedRequest)
		p.Forwards(header, a, "k:1|c")
	}
	for _, header := range []string{
		"PROXY TCP4 192.0.2.1\r\n",
		"PROXY TCP4 x y 1 80\r\n",
		"PROXY TCP5 192.0.2.1 192.0.2.2 1 80\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\n",
		"PROXY " + strings.Repeat("x", 200) + "\r\n",
		v2 + "\x31\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x01\x00\x50",
		v2 + "\x21\x11\xff\xff",
	} {
		conn := p.Dial()
		fmt.Fprint(conn, header+proxiedRequest)
		if text, _ := io.ReadAll(conn); len(text) > 0 { // the connection may be reset
			t.Errorf("%q: got %q, want the end of the connection", header, text)
		}
		if sent := p.Sink.Take(); sent != nil {
			t.Errorf("%q: the proxy sent %q", header, sent)
		}
	}
}

// TestConnectionsOfProxiedClientsAreLimited opens three connections of one client, which
// may have two.
func TestConnectionsOfProxiedClientsAreLimited(t *testing.T) {
	p := proxytest.Start(t, withProxyProtocol("127.0.0.1"))
	const heartbeat = "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n"
	dial := func(client string) (net.Conn, int) {
		conn := p.Dial()
		fmt.Fprint(conn, proxyHeader(t, 2, client)+heartbeat)
		return conn, p.Read(bufio.NewReader(conn), "GET").Status
	}
	first, status := dial("192.0.2.1")
	if status != 200 {
		t.Errorf("the first connection: status %d", status)
	}
	if _, status := dial("192.0.2.1"); status != 200 {
		t.Errorf("the second connection: status %d", status)
	}
	if _, status := dial("192.0.2.1"); status != 503 {
		t.Errorf("the third connection: status %d, want 503", status)
	}
	if _, status := dial("192.0.2.2"); status != 200 {
		t.Errorf("the connection of another client: status %d", status)
	}
	first.Close()
	proxytest.Poll(t, func() bool {
		conn, status := dial("192.0.2.1")
		conn.Close()
		return status == 200
	})
}
