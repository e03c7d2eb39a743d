package acme

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

func TestCertificateIsRenewedWhenAThirdOfItsLifetimeIsLeft(t *testing.T) {
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	f := func(lifetime, least, most time.Duration) {
		t.Helper()
		for range 100 {
			got := renewal(&x509.Certificate{NotBefore: start, NotAfter: start.Add(lifetime)}).Sub(start)
			if got < least || got > most {
				t.Errorf("a certificate for %s is renewed after %s, want %s to %s", lifetime, got, least, most)
			}
		}
	}
	const day = 24 * time.Hour
	f(90*day, 60*day, 60*day+time.Hour)
	f(45*day, 30*day, 30*day+time.Hour)
	f(6*day, 4*day, 4*day+time.Hour)
	f(365*day, 335*day, 335*day+time.Hour)
	f(30*time.Second, 20*time.Second, 21*time.Second)
	f(0, 0, 0)
}

// TestWrongClockCausesNoFlood has a machine whose clock is ahead of that of the ACME server.
func TestWrongClockCausesNoFlood(t *testing.T) {
	const day = 24 * time.Hour
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	leaf := &x509.Certificate{NotBefore: start, NotAfter: start.Add(90 * day)}
	f := func(ahead, least time.Duration) {
		t.Helper()
		now := start.Add(ahead)
		if got := renewalOfNew(leaf, now).Sub(now); got < least || got > least+time.Hour {
			t.Errorf("with a clock that is %s ahead, the proxy waits for %s, want %s", ahead, got, least)
		}
	}
	f(0, 60*day)
	f(20*day, 40*day)
	f(61*day, 30*day)
	f(5*365*day, 30*day)
}

func TestPausesGrow(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	d := &domain{}
	f := func(err error, want time.Duration) {
		t.Helper()
		if got := d.pause(err, now); got < want || got > want*5/4 {
			t.Errorf("%v: got a pause of %s, want %s to %s", err, got, want, want*5/4)
		}
	}
	away := fmt.Errorf("read the directory: %w", errors.New("connection refused"))
	refused := fmt.Errorf("order a certificate: %w", &acme.Error{StatusCode: http.StatusForbidden})
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		f(away, want*time.Second)
	}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		f(refused, want*time.Minute)
	}
	f(&acme.Error{StatusCode: http.StatusServiceUnavailable}, time.Second)
	f(refused, time.Hour)
	f(&acme.AuthorizationError{}, time.Hour)
	f(&acme.OrderError{}, time.Hour)
	f(fmt.Errorf("%w: a reason", errUnusable), time.Hour)

	limited := func(retryAfter string) error {
		return &acme.Error{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {retryAfter}}}
	}
	f(limited("10"), time.Hour)
	f(limited("7200"), 2*time.Hour)
	f(limited("Tue, 01 Dec 2026 03:00:00 GMT"), 3*time.Hour)
	f(limited("Tue, 01 Dec 2020 03:00:00 GMT"), time.Hour)
	f(limited("999999999"), 24*time.Hour)
	f(limited("-5"), time.Hour)
	f(limited("soon"), time.Hour)
	busy := &acme.Error{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"120"}}}
	f(busy, 2*time.Minute)
}
