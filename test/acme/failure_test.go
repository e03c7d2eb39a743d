package acme

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// TestRefusalsAreNotRepeatedByRestarts has a domain for which the ACME server issues no
// certificate beside one for which it does.
func TestRefusalsAreNotRepeatedByRestarts(t *testing.T) {
	t.Parallel()
	acme := startPebble(t, 90*day)
	cache := t.TempDir()
	proxy := acme.startProxy(t, cache, "--acme-domain="+blocked)
	proxy.WaitForLog(t, `level=WARN msg="waiting for the first certificate, TLS handshakes fail until then" domain=`+blocked, 1)
	proxy.WaitForLog(t, obtained, 1)
	wantAlert(t, proxy, blocked, "internal error")
	proxy.Stop(t)
	before := acme.requests()
	for range 3 {
		proxy = acme.startProxy(t, cache, "--acme-domain="+blocked)
		proxy.WaitForLog(t, `msg="the ACME server has refused a certificate, the proxy asks again later; remove the file to ask at the next start" domain=`+blocked, 1)
		proxy.Stop(t)
	}
	if got := acme.requests(); got != before {
		t.Errorf("the ACME server got %d requests more after restarts", got-before)
	}
}

// TestDamagedAccountKeyIsLoggedAtTheStart damages the key while the proxy has a certificate,
// which it does not have to renew for a long time.
func TestDamagedAccountKeyIsLoggedAtTheStart(t *testing.T) {
	t.Parallel()
	acme := startPebble(t, 90*day)
	cache := t.TempDir()
	proxy := acme.startProxy(t, cache)
	proxy.WaitForLog(t, obtained, 1)
	proxy.Stop(t)
	key := filepath.Join(cached(t, cache), "account.pem")
	if err := os.Truncate(key, 10); err != nil {
		t.Fatal(err)
	}
	proxy = acme.startProxy(t, cache)
	proxy.WaitForLog(t, `level=WARN msg="the key of the account in `+key+`: damaged file; remove the file for a new account"`, 1)
	if _, err := handshake(proxy, acme.trust(t, domain)); err != nil {
		t.Errorf("with the certificate in the cache: %v", err)
	}
	proxy.Stop(t)
}

func TestUnreachablePortIsNamedInTheLog(t *testing.T) {
	t.Parallel()
	acme := startPebble(t, 90*day)
	proxy := acme.startProxyOn(t, "0", t.TempDir())
	proxy.WaitForLog(t, "the ACME server must reach this proxy at port 443 of "+domain, 1)
	proxy.Stop(t)
}

// TestSlowHandshakeIsCutOff has clients stop in their handshake, without and with a
// certificate. A busy Pebble may need longer than the timeout, so a proxy without it gets
// the certificate.
func TestSlowHandshakeIsCutOff(t *testing.T) {
	t.Parallel()
	acme := newPebble(t, 90*day)
	cache := t.TempDir()
	stall := func() {
		t.Helper()
		proxy := acme.startProxy(t, cache, "--admin-listen=127.0.0.1:0", "--tls-timeout-handshake=100ms")
		conn, err := net.DialTimeout("tcp", proxy.Address, testutil.Patience)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "\x16\x03\x01\x02\x00\x01")
		_ = conn.SetReadDeadline(time.Now().Add(testutil.Patience))
		if _, err := conn.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
			t.Errorf("a stalled handshake: got %v, want the end of the connection", err)
		}
		testutil.Eventually(t, "a handshake that has timed out", func() bool {
			return metric(t, proxy, `tls_handshakes_total{result="timeout"}`) == 1
		})
		proxy.Stop(t)
	}
	stall()
	acme.start(t)
	proxy := acme.startProxy(t, cache)
	proxy.WaitForLog(t, obtained, 1)
	proxy.Stop(t)
	stall()
}
