package main

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"
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
