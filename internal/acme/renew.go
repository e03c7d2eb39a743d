package acme

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/crypto/acme"
)

// The pauses after failures. They double with each one.
const (
	// The ACME server cannot be reached or has a fault. The proxy asks soon, so that it
	// has a certificate soon after an outage.
	minOutagePause = time.Second
	maxOutagePause = 5 * time.Minute

	// The ACME server has refused. Let's Encrypt allows five failed checks of a domain an
	// hour. Pauses after refusals survive a restart.
	minRefusalPause = time.Minute
	maxRefusalPause = time.Hour

	// maxPause bounds the pauses that the ACME server asks for.
	maxPause = 24 * time.Hour
)

// maxRenewalTime is how long before its end a certificate is renewed at most.
const maxRenewalTime = 30 * 24 * time.Hour

// renewal returns when to renew a certificate: when a third of its lifetime is left. Up to
// a tenth of that is random, so that proxies with the same cache do not all begin at once.
func renewal(leaf *x509.Certificate) time.Time {
	lifetime := leaf.NotAfter.Sub(leaf.NotBefore)
	before := min(lifetime/3, maxRenewalTime)
	return leaf.NotAfter.Add(-before + jitter(min(before/10, time.Hour)))
}

// renewalOfNew returns when to renew a certificate that was just issued. If the clock is
// wrong, so that the certificate seems to be due, the proxy must not ask for one after the
// other.
func renewalOfNew(leaf *x509.Certificate, now time.Time) time.Time {
	at, least := renewal(leaf), now.Add(leaf.NotAfter.Sub(leaf.NotBefore)/3)
	if at.Before(least) {
		return least
	}
	return at
}

// jitter returns a random time from 0 to limit.
func jitter(limit time.Duration) time.Duration { return rand.N(limit + 1) }

// renew gets a certificate for d, and sets d.next.
func (m *Manager) renew(ctx context.Context, d *domain) {
	wasFetched, err := m.obtain(ctx, d)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		m.fail(context.WithoutCancel(ctx), d, err)
	}
	if wasFetched || err != nil {
		m.options.Fetched(err)
	}
}

// obtain takes the certificate of d from the cache, if another proxy has renewed it, or
// from the ACME server.
func (m *Manager) obtain(ctx context.Context, d *domain) (wasFetched bool, err error) {
	unlock, err := m.cache.lock(ctx, d.name)
	if err != nil {
		return false, err
	}
	defer unlock()
	now := time.Now()
	if cached, err := m.cache.certificate(ctx, d.name); err == nil && d.isRenewedBy(cached.Leaf, now) {
		d.use(cached)
		m.logLoaded(d)
		return false, nil
	}
	if pause := m.cache.pause(ctx, d.name); pause.Until.After(now) {
		d.next, d.refusals = pause.Until, pause.Refusals
		if !d.isPauseLogged {
			d.isPauseLogged = true
			m.log.Warn("the ACME server has refused a certificate, the proxy asks again later; remove the file to ask at the next start",
				"domain", d.name, "error", pause.Reason, "retry", pause.Until.Sub(now).Round(time.Second), "file", m.cache.file(d.name+pauseSuffix))
		}
		return false, nil
	}
	m.log.Info("getting a certificate", "domain", d.name, "directory", m.options.Directory)
	text, certificate, err := m.fetch(ctx, d)
	if err != nil {
		return false, err
	}
	// The certificate is good even if it cannot be kept. The next start gets another one.
	if err := m.cache.put(ctx, d.name+certificateSuffix, text); err != nil {
		m.log.Error("cannot keep the certificate for the next start", "domain", d.name, "error", err)
	}
	m.cache.clearPause(ctx, d.name)
	d.use(certificate)
	d.next = renewalOfNew(certificate.Leaf, now)
	m.log.Info("new certificate", "domain", d.name, "expires", certificate.Leaf.NotAfter.UTC())
	return true, nil
}

// isRenewedBy reports whether a certificate expires later than that of d, and is not due.
func (d *domain) isRenewedBy(leaf *x509.Certificate, now time.Time) bool {
	if loaded := d.loaded.Load(); loaded != nil && !leaf.NotAfter.After(loaded.Leaf.NotAfter) {
		return false
	}
	return renewal(leaf).After(now)
}

// fail sets when to try again after err, and logs it.
func (m *Manager) fail(ctx context.Context, d *domain, err error) {
	now := time.Now()
	pause := d.pause(err, now)
	d.next = now.Add(pause)
	var denied *acme.AuthorizationError
	if errors.As(err, &denied) {
		err = fmt.Errorf("the ACME server must reach this proxy at port 443 of %s: %w", d.name, err)
	}
	if isRefusal(err) {
		record := pauseRecord{Until: d.next.UTC().Truncate(time.Second), Refusals: d.refusals, Reason: err.Error()}
		if err := m.cache.putPause(ctx, d.name, record); err != nil {
			m.log.Error("cannot keep the time of the next attempt", "domain", d.name, "error", err)
		}
		d.isPauseLogged = true
	}
	log := m.log.With("domain", d.name, "directory", m.options.Directory, "error", err, "retry", pause.Round(time.Millisecond))
	certificate := d.loaded.Load()
	if certificate == nil {
		log.Warn("waiting for the first certificate, TLS handshakes fail until then")
		return
	}
	if log = log.With("expires", certificate.Leaf.NotAfter.UTC()); now.After(certificate.Leaf.NotAfter) {
		log.Error("cannot renew the certificate, which has expired")
		return
	}
	log.Warn("cannot renew the certificate")
}

// pause returns the time to wait after err, which counts as a failure of d.
func (d *domain) pause(err error, now time.Time) time.Duration {
	var base time.Duration
	if isRefusal(err) {
		base = doubled(minRefusalPause, d.refusals, maxRefusalPause)
		d.refusals, d.outages = d.refusals+1, 0
	} else {
		base = doubled(minOutagePause, d.outages, maxOutagePause)
		d.outages++
	}
	var problem *acme.Error
	if errors.As(err, &problem) {
		base = max(base, min(retryAfter(problem.Header, now), maxPause))
	}
	return base + jitter(base/4)
}

// doubled returns least, doubled n times, and at most most.
func doubled(least time.Duration, n int, most time.Duration) time.Duration {
	for range n {
		if least *= 2; least >= most {
			return most
		}
	}
	return least
}

// isRefusal reports whether an error is the decision of the ACME server. If it is not, the
// server is away, or has a fault.
func isRefusal(err error) bool {
	var problem *acme.Error
	var denied *acme.AuthorizationError
	var invalid *acme.OrderError
	switch {
	case errors.As(err, &denied), errors.As(err, &invalid), errors.Is(err, errUnusable):
		return true
	case errors.As(err, &problem):
		return problem.StatusCode < http.StatusInternalServerError
	}
	return false
}

// retryAfter returns the time that the field Retry-After names, 0 for none (RFC 9110,
// section 10.2.3).
func retryAfter(header http.Header, now time.Time) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
