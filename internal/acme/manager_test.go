package acme

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"statsd-http-proxy/internal/testutil"
)

func TestOutageIsRetriedSoonAndLogged(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	server := startServer(t, answerWith(http.StatusServiceUnavailable))
	m, results, log := open(t, t.TempDir(), server.URL)
	m.Start()
	for range 2 {
		if err := results.next(t); err == nil || !strings.Contains(err.Error(), "read the directory: 503") {
			t.Errorf("got %v, want the error 503", err)
		}
	}
	m.Close()
	server.Close()
	if got := log.String(); !strings.Contains(got, "waiting for the first certificate") || !strings.Contains(got, testDomain) {
		t.Errorf("the log: got %s, want that the proxy waits for a certificate", got)
	}
	if _, err := os.Stat(m.cache.file(testDomain + pauseSuffix)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file with the pause: got %v, want none after an outage", err)
	}
}

// TestRefusalIsNotRepeatedByARestart restarts the proxy after the server has refused.
func TestRefusalIsNotRepeatedByARestart(t *testing.T) {
	server := startServer(t, answerWith(http.StatusForbidden))
	cache := t.TempDir()
	m, results, _ := open(t, cache, server.URL)
	m.Start()
	if err := results.next(t); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("got %v, want the error 403", err)
	}
	m.Close()
	before := server.requests.Load()
	for range 3 {
		m, _, log := open(t, cache, server.URL)
		m.Start()
		testutil.Eventually(t, "the log of the pause", func() bool { return strings.Contains(log.String(), "has refused a certificate") })
		m.Close()
		if got := m.byName[testDomain].refusals; got != 1 {
			t.Errorf("after a restart: got %d refusals, want 1", got)
		}
		if text := log.String(); !strings.Contains(text, "403") || !strings.Contains(text, pauseSuffix) {
			t.Errorf("the log: got %s, want the reason and the file", text)
		}
	}
	if got := server.requests.Load(); got != before {
		t.Errorf("got %d requests after restarts, want %d", got, before)
	}
	if err := os.Remove(m.cache.file(testDomain + pauseSuffix)); err != nil {
		t.Fatal(err)
	}
	m, results, _ = open(t, cache, server.URL)
	m.Start()
	if err := results.next(t); err == nil {
		t.Error("without the file with the pause: got no attempt")
	}
}

func TestNamesThatAreNotListedGetNoCertificate(t *testing.T) {
	server := startServer(t, answerWith(http.StatusForbidden))
	m, _, _ := open(t, t.TempDir(), server.URL) // not started: only a handshake could ask the server
	fails := func(name, alert string, protocols ...string) {
		t.Helper()
		if _, err := handshake(t, m, name, protocols...); !isAlert(err, alert) {
			t.Errorf("%q %q: got %v, want the alert %s", name, protocols, err, alert)
		}
	}
	fails("other.shop.example", "unrecognized name")
	fails("a."+testDomain, "unrecognized name")
	fails("", "unrecognized name")
	fails("..", "unrecognized name")
	fails("other.shop.example", "unrecognized name", Protocol)
	fails(testDomain, "internal error")
	fails(testDomain, "internal error", Protocol)
	if n := server.requests.Load(); n != 0 {
		t.Errorf("the ACME server got %d requests, want none", n)
	}
}

func TestCertificateInTheCacheIsServed(t *testing.T) {
	server := startServer(t, answerWith(http.StatusServiceUnavailable))
	cache := newCache(t.TempDir(), server.URL)
	end := time.Now().Add(60 * 24 * time.Hour).Truncate(time.Second)
	m, _, _ := open(t, filepath.Dir(cache.directory), server.URL)
	if expiry := m.Expiry(); !expiry.Equal(m.opened) {
		t.Errorf("without a certificate: got the expiry %s, want the start, %s", expiry, m.opened)
	}
	if err := cache.put(t.Context(), testDomain+certificateSuffix, selfSigned(t, testDomain, time.Now().Add(-time.Hour), end)); err != nil {
		t.Fatal(err)
	}
	m, results, _ := open(t, filepath.Dir(cache.directory), server.URL)
	m.Start()
	for _, name := range []string{testDomain, strings.ToUpper(testDomain)} {
		state, err := handshake(t, m, name, Protocol, "http/1.1") // it is no ACME server, which offers one protocol
		if err != nil || state.PeerCertificates[0].DNSNames[0] != testDomain {
			t.Errorf("%s: got %v, want the certificate in the cache", name, err)
		}
	}
	if expiry := m.Expiry(); !expiry.Equal(end) {
		t.Errorf("got the expiry %s, want %s", expiry, end)
	}
	m.Close()
	if n := server.requests.Load(); n != 0 || len(results) > 0 {
		t.Errorf("the ACME server got %d requests, want none", n)
	}
}

// TestExpiredCertificateIsServedUntilItIsRenewed: clients then see what is wrong, and the
// metric shows the expiry.
func TestExpiredCertificateIsServedUntilItIsRenewed(t *testing.T) {
	server := startServer(t, answerWith(http.StatusServiceUnavailable))
	dir := t.TempDir()
	cache := newCache(dir, server.URL)
	if err := cache.create(); err != nil {
		t.Fatal(err)
	}
	if err := cache.put(t.Context(), testDomain+certificateSuffix, selfSigned(t, testDomain, time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
	m, results, log := open(t, dir, server.URL)
	m.Start()
	if err := results.next(t); err == nil {
		t.Error("the expired certificate is not renewed")
	}
	m.Close()
	if _, err := handshake(t, m, testDomain); err != nil {
		t.Errorf("got %v, want the expired certificate", err)
	}
	if text := log.String(); !strings.Contains(text, `level=ERROR msg="cannot renew the certificate, which has expired"`) {
		t.Errorf("the log: got %s, want that the certificate has expired and is not renewed", text)
	}
}

func TestDamagedFileIsReplaced(t *testing.T) {
	server := startServer(t, answerWith(http.StatusServiceUnavailable))
	for _, text := range [][]byte{
		[]byte("damaged"),
		selfSigned(t, "other.shop.example", time.Now(), time.Now().Add(24*time.Hour)),
		selfSigned(t, testDomain, time.Now(), time.Now()),
		selfSigned(t, testDomain, time.Now().Add(24*time.Hour), time.Now()),
	} {
		dir := t.TempDir()
		cache := newCache(dir, server.URL)
		if err := cache.create(); err != nil {
			t.Fatal(err)
		}
		if err := cache.put(t.Context(), testDomain+certificateSuffix, text); err != nil {
			t.Fatal(err)
		}
		m, results, log := open(t, dir, server.URL)
		m.Start()
		if err := results.next(t); err == nil {
			t.Error("the proxy does not ask for a certificate")
		}
		if text := log.String(); !strings.Contains(text, "the file of a certificate is damaged") {
			t.Errorf("the log: got %s, want that the file is damaged", text)
		}
	}
}

// TestProxyTakesTheCertificateOfAnother has another proxy with the same cache hold the
// lock and get the certificate.
func TestProxyTakesTheCertificateOfAnother(t *testing.T) {
	server := startServer(t, answerWith(http.StatusServiceUnavailable))
	dir := t.TempDir()
	m, _, log := open(t, dir, server.URL)
	unlock, err := m.cache.lock(t.Context(), testDomain)
	if err != nil {
		t.Fatal(err)
	}
	m.Start()
	ctx, cancel := context.WithTimeout(t.Context(), 3*lockInterval)
	defer cancel()
	if _, err := newCache(dir, server.URL).lock(ctx, testDomain); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second lock: got %v, want that it waits", err)
	}
	text := selfSigned(t, testDomain, time.Now().Add(-time.Hour), time.Now().Add(60*24*time.Hour))
	if err := m.cache.put(t.Context(), testDomain+certificateSuffix, text); err != nil {
		t.Fatal(err)
	}
	unlock()
	testutil.Eventually(t, "the certificate of the other proxy", func() bool { return m.byName[testDomain].loaded.Load() != nil })
	m.Close()
	if n := server.requests.Load(); n != 0 {
		t.Errorf("the ACME server got %d requests, want none", n)
	}
	if text := log.String(); strings.Count(text, `msg="certificate loaded" domain=`+testDomain+" expires=") != 1 {
		t.Errorf("the log: got %s, want one certificate", text)
	}
}

// TestChallengeOfAnotherProxyIsAnswered has another proxy with the same cache wait for a
// challenge.
func TestChallengeOfAnotherProxyIsAnswered(t *testing.T) {
	m, _, _ := open(t, t.TempDir(), "http://127.0.0.1:1/")
	if err := m.cache.put(t.Context(), testDomain+challengeSuffix, selfSigned(t, testDomain, time.Now(), time.Now().Add(time.Hour))); err != nil {
		t.Fatal(err)
	}
	state, err := handshake(t, m, testDomain, Protocol)
	if err != nil || state.NegotiatedProtocol != Protocol {
		t.Errorf("got the protocol %q, %v, want %q", state.NegotiatedProtocol, err, Protocol)
	}
	if _, err := handshake(t, m, testDomain, "http/1.1"); !isAlert(err, "internal error") {
		t.Errorf("a client without the protocol: got %v, want no certificate", err)
	}
}
