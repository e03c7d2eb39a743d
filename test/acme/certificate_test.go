package acme

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

const (
	obtained = `level=INFO msg="new certificate" domain=` + domain
	loaded   = `level=INFO msg="certificate loaded" domain=` + domain
	waiting  = `level=WARN msg="waiting for the first certificate, TLS handshakes fail until then" domain=` + domain
)

const day = 24 * time.Hour

// wantAlert fails the test unless the proxy ends the handshake with an alert.
func wantAlert(t *testing.T, proxy *testutil.Proxy, name, alert string, protocols ...string) {
	t.Helper()
	_, err := handshake(proxy, &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: protocols})
	if err == nil || !strings.Contains(err.Error(), alert) {
		t.Errorf("%q %q: got %v, want the alert %s", name, protocols, err, alert)
	}
}

// adminAddress matches the address of the admin listener in the log.
var adminAddress = regexp.MustCompile(`msg="serving the admin listener" address=(\S+)\n`)

// metric returns the value of a metric of a proxy with --admin-listen=127.0.0.1:0.
func metric(t *testing.T, proxy *testutil.Proxy, name string) float64 {
	t.Helper()
	match := adminAddress.FindStringSubmatch(proxy.Stderr.String())
	if match == nil {
		t.Fatal("the log has no address of the admin listener")
	}
	client := http.Client{Timeout: testutil.Patience}
	response, err := client.Get("http://" + match[1] + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta("statsd_http_proxy_"+name) + ` (\S+)$`).FindSubmatch(text)
	if line == nil {
		t.Fatalf("there is no metric %s", name)
	}
	value, err := strconv.ParseFloat(string(line[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

const expiry = "tls_certificate_expiry_timestamp_seconds"

// TestCertificateIsFetchedAtTheStart: no client has to connect for that. Then it has
// clients that are not served, which must not cost a request to the ACME server.
func TestCertificateIsFetchedAtTheStart(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	acme := startPebble(t, 90*day)
	cache := filepath.Join(t.TempDir(), "a", "cache")
	proxy := acme.startProxy(t, cache, "--statsd-port="+statsd.Port, "--admin-listen=127.0.0.1:0", "--acme-email=ops@shop.example")
	proxy.WaitForLog(t, obtained, 1)

	config := acme.trust(t, domain)
	for _, protocol := range []string{"http/1.1", "h2"} {
		transport := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: protocol == "h2"}
		client := http.Client{Transport: transport, Timeout: testutil.Patience}
		if status, _, err := testutil.Post(&client, proxy.URL+"/count/"+protocol, "value=1"); err != nil || status != http.StatusOK {
			t.Errorf("%s: got %d, %v, want 200", protocol, status, err)
		}
		transport.CloseIdleConnections()
	}
	state, err := handshake(proxy, config)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := metric(t, proxy, expiry), float64(state.PeerCertificates[0].NotAfter.Unix()); got != want {
		t.Errorf("%s: got %f, want %f", expiry, got, want)
	}
	if got := metric(t, proxy, `reloads_total{file="tls",result="ok"}`); got != 1 {
		t.Errorf("certificates in the metrics: got %f, want 1", got)
	}
	err = filepath.WalkDir(cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if want := map[bool]os.FileMode{true: 0o700, false: 0o600}[entry.IsDir()]; err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: got %v, %v, want the mode %o", path, info.Mode(), err, want)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}

	before := acme.requests()
	for range 5 {
		wantAlert(t, proxy, "other.shop.example", "unrecognized name")
		wantAlert(t, proxy, "a."+domain, "unrecognized name")
		wantAlert(t, proxy, "other.shop.example", "unrecognized name", "acme-tls/1")
		wantAlert(t, proxy, "", "unrecognized name")
		wantAlert(t, proxy, domain, "internal error", "acme-tls/1") // there is no challenge
	}
	proxy.Stop(t)
	if got := acme.requests(); got != before {
		t.Errorf("the ACME server got %d requests more", got-before)
	}
	if got := len(statsd.All(t)); got != 2 {
		t.Errorf("StatsD received %d lines, want 2", got)
	}
}

func TestRestartNeedsNoACMEServer(t *testing.T) {
	t.Parallel()
	acme := startPebble(t, 90*day)
	cache := t.TempDir()
	proxy := acme.startProxy(t, cache)
	proxy.WaitForLog(t, obtained, 1)
	config := acme.trust(t, domain)
	proxy.Stop(t)
	acme.leave(t)
	for range 2 {
		proxy = acme.startProxy(t, cache)
		if _, err := handshake(proxy, config); err != nil { // the first handshake, at once
			t.Errorf("after a restart: %v", err)
		}
		proxy.Stop(t)
		if log := proxy.Stderr.String(); !strings.Contains(log, loaded) || strings.Contains(log, "getting a certificate") {
			t.Errorf("the log: got %s, want a certificate from the cache only", log)
		}
	}
}

// TestCertificateIsRenewed has a certificate that is valid for 36 seconds. The proxy renews
// it when 12 seconds are left.
func TestCertificateIsRenewed(t *testing.T) {
	t.Parallel()
	acme := startPebble(t, 36*time.Second)
	proxy := acme.startProxy(t, t.TempDir(), "--admin-listen=127.0.0.1:0")
	proxy.WaitForLog(t, obtained, 1)
	config := acme.trust(t, domain)
	current := func() *x509.Certificate {
		t.Helper()
		state, err := handshake(proxy, config)
		if err != nil {
			t.Fatal(err)
		}
		return state.PeerCertificates[0]
	}
	first := current()
	proxy.WaitForLog(t, obtained, 2)
	second := current()
	if second.SerialNumber.Cmp(first.SerialNumber) == 0 || second.NotBefore.After(first.NotAfter) {
		t.Errorf("got a certificate from %s after one until %s, want another one in time", second.NotBefore, first.NotAfter)
	}
	if got := metric(t, proxy, expiry); got != float64(second.NotAfter.Unix()) {
		t.Errorf("%s: got %f, want %d", expiry, got, second.NotAfter.Unix())
	}
	proxy.Stop(t)
}

// TestProxyWaitsForTheACMEServer starts with an empty cache while the ACME server is away.
// Meanwhile a crowd of clients connects.
func TestProxyWaitsForTheACMEServer(t *testing.T) {
	t.Parallel()
	const clients = 200
	acme := newPebble(t, 90*day)
	started := float64(time.Now().Unix())
	proxy := acme.startProxy(t, t.TempDir(), "--admin-listen=127.0.0.1:0")
	proxy.WaitForLog(t, waiting, 2) // it tries again
	var running sync.WaitGroup
	for range clients {
		running.Go(func() { wantAlert(t, proxy, domain, "internal error") })
	}
	running.Wait()
	testutil.Eventually(t, "the end of all handshakes", func() bool {
		return metric(t, proxy, "tls_handshakes_waiting") == 0 && metric(t, proxy, `tls_handshakes_total{result="failed"}`) == clients
	})
	if got := metric(t, proxy, `reloads_total{file="tls",result="error"}`); got < 2 || got >= clients {
		t.Errorf("attempts to get a certificate in the metrics: got %f, want at least 2, and none for a client", got)
	}
	if got := metric(t, proxy, expiry); got < started || got > float64(time.Now().Unix())+1 {
		t.Errorf("%s: got %f, want the time of the start, %f", expiry, got, started)
	}
	if log := proxy.Stderr.String(); !strings.Contains(log, "connection refused") || !strings.Contains(log, "directory="+acme.directory) {
		t.Errorf("the log: got %s, want the ACME server with the reason", log)
	}
	acme.start(t)
	proxy.WaitForLog(t, obtained, 1)
	if _, err := handshake(proxy, acme.trust(t, domain)); err != nil {
		t.Error(err)
	}
	proxy.Stop(t)
}

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

func TestUnreachablePortIsNamedInTheLog(t *testing.T) {
	t.Parallel()
	acme := startPebble(t, 90*day)
	proxy := acme.startProxyOn(t, "0", t.TempDir())
	proxy.WaitForLog(t, "the ACME server must reach this proxy at port 443 of "+domain, 1)
	proxy.Stop(t)
}

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

// TestSlowHandshakeIsCutOff has clients stop in their handshake, with and without a
// certificate.
func TestSlowHandshakeIsCutOff(t *testing.T) {
	t.Parallel()
	acme := newPebble(t, 90*day)
	proxy := acme.startProxy(t, t.TempDir(), "--admin-listen=127.0.0.1:0", "--tls-timeout-handshake=100ms")
	stall := func() {
		t.Helper()
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
	}
	stall()
	acme.start(t)
	proxy.WaitForLog(t, obtained, 1)
	stall()
	testutil.Eventually(t, "two handshakes that have timed out", func() bool {
		return metric(t, proxy, `tls_handshakes_total{result="timeout"}`) == 2
	})
	proxy.Stop(t)
}
