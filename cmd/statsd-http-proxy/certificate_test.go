package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// newTestCertificate returns a certificate that ends at the given time.
func newTestCertificate(t *testing.T, end time.Time) *certificate {
	t.Helper()
	c := &certificate{cert: "cert.pem", key: "key.pem"}
	c.loaded.Store(&tls.Certificate{Leaf: &x509.Certificate{NotAfter: end}})
	return c
}

func TestExpiringCertificatesAreWarnedAbout(t *testing.T) {
	end := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	c := newTestCertificate(t, end)
	f := func(now time.Time, want string) {
		t.Helper()
		if got := c.warning(now); !strings.HasPrefix(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: got %q, want %q", now, got, want)
		}
	}
	f(end.Add(-expiryNotice), "")
	f(end.Add(-expiryNotice+time.Second), `the certificate "cert.pem" expires soon, at 2026-12-01T00:00:00Z`)
	f(end, `the certificate "cert.pem" expires soon`)
	f(end.Add(time.Second), `the certificate "cert.pem" expired at 2026-12-01T00:00:00Z`)
}

// TestRunningProxyWarnsOnceADay runs the check for ten days of virtual time.
func TestRunningProxyWarnsOnceADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		a := &app{
			log:         slog.New(slog.NewTextHandler(&log, nil)),
			certificate: newTestCertificate(t, time.Now().Add(9*24*time.Hour+time.Hour)),
		}
		if err := a.startExpiryCheck(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*24*time.Hour + time.Hour)
		a.stopExpiryCheck()
		// The days 3 to 9, and 10.
		if soon, expired := strings.Count(log.String(), "expires soon"), strings.Count(log.String(), "expired at"); soon != 7 || expired != 1 {
			t.Errorf("got %d and %d warnings, want 7 and 1:\n%s", soon, expired, &log)
		}
	})
}

func TestByteOrderMarksAreSkipped(t *testing.T) {
	dir := t.TempDir()
	c := &certificate{cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	cert, key := makeCertificate(t)
	for file, text := range map[string][]byte{c.cert: cert, c.key: key} {
		if err := os.WriteFile(file, slices.Concat(byteOrderMark, text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.load(); err != nil {
		t.Error(err)
	}
}

// makeCertificate returns a certificate and its key as PEM.
func makeCertificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	return cert, key
}
