package acme

import (
	"crypto/x509"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
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
