package acme

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// TestProxiesShareACache has two proxies with one cache start at the same time. One of them
// gets the certificate, and each answers the challenges of the other.
func TestProxiesShareACache(t *testing.T) {
	t.Parallel()
	acme := startPebble(t, 90*day)
	cache := t.TempDir()
	keys := filepath.Join(t.TempDir(), "ticket-keys")
	if err := os.WriteFile(keys, []byte(strings.Repeat("YWFh", 16)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// Pebble connects to the first one only, as a load balancer may do.
	first := acme.startProxy(t, cache, "--tls-ticket-key-file="+keys)
	second := acme.startProxyOn(t, "0", cache, "--tls-ticket-key-file="+keys)
	certificates := func() int {
		return strings.Count(first.Stderr.String()+second.Stderr.String(), obtained)
	}
	config := acme.trust(t, domain)
	serials := make(map[string]bool)
	for _, proxy := range []*testutil.Proxy{first, second} {
		testutil.Eventually(t, "a certificate", func() bool {
			state, err := handshake(proxy, config)
			if err == nil {
				serials[state.PeerCertificates[0].SerialNumber.String()] = true
			}
			return err == nil
		})
	}
	if got := certificates(); got != 1 || len(serials) != 1 {
		t.Errorf("the proxies have got %d certificates and serve %d, want 1", got, len(serials))
	}

	// The second one orders a certificate, for which Pebble checks the first one.
	second.Stop(t)
	if err := os.Remove(filepath.Join(cached(t, cache), domain+".pem")); err != nil {
		t.Fatal(err)
	}
	second = acme.startProxyOn(t, "0", cache, "--tls-ticket-key-file="+keys)
	second.WaitForLog(t, obtained, 1)

	// The client has a session of the first one, and resumes it with the second.
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i, proxy := range []*testutil.Proxy{first, second} {
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: testutil.Patience}, "tcp", proxy.Address, config)
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(testutil.Patience))
		fmt.Fprint(conn, "GET /heartbeat HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body) // the client reads a ticket with it
		if got, want := conn.ConnectionState().DidResume, i == 1; got != want {
			t.Errorf("proxy %d: the session is resumed: got %t, want %t", i+1, got, want)
		}
		conn.Close()
	}
	first.Stop(t)
	second.Stop(t)
}
