// Package acme gets TLS certificates from an ACME server (RFC 8555), such as Let's
// Encrypt, and renews them. The challenge is TLS-ALPN-01 (RFC 8737): the ACME server
// connects to port 443 of a domain and expects a certificate that proves that this proxy
// has placed the order.
//
//	cache ─▶ Manager.GetCertificate ◀─ TLS handshakes
//	  ▲            ▲
//	  └── fetch ───┘◀─ run, one goroutine: when a certificate is due, or after a pause
//
// A handshake never asks the ACME server and never waits for it. It gets the
// certificate that was loaded last, or fails at once.
package acme

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/acme"
)

// LetsEncrypt is the URL of the directory of Let's Encrypt.
const LetsEncrypt = acme.LetsEncryptURL

// Protocol is the application protocol (ALPN) of connections on which the ACME server
// checks a domain.
const Protocol = acme.ALPNProto

const (
	// maxWait is the time after which run looks at the clock again, which may have been
	// set, or have gone on while the machine was asleep.
	maxWait = time.Hour

	// requestTimeout is the time for one request to the ACME server.
	requestTimeout = 30 * time.Second
)

// Options are the settings of a Manager. All but Email are required.
type Options struct {
	Domains   []string // at least one; in lower case, without a dot at the end
	Cache     string   // directory; proxies may share it
	Email     string   // of the operator; empty for none
	Directory string   // URL of the directory of the ACME server
	Logger    *slog.Logger

	// Fetched is called after each attempt to get a certificate, with its error, by the
	// goroutine that gets them. It must not call Close.
	Fetched func(error)
}

// Manager holds the certificates of all domains.
type Manager struct {
	options Options
	log     *slog.Logger
	cache   cache
	client  *http.Client
	opened  time.Time
	domains []*domain
	byName  map[string]*domain

	cancel  context.CancelFunc // nil before Start
	running sync.WaitGroup
}

// domain is a domain with its certificate.
type domain struct {
	name      string
	loaded    atomic.Pointer[tls.Certificate] // nil before the first
	challenge atomic.Pointer[tls.Certificate] // proves an order of this proxy; nil without one

	// Only run uses these.
	next              time.Time // when to get a certificate
	outages, refusals int       // failures in a row, see pause
	isDamaged         bool      // the file in the cache is damaged
	isPauseLogged     bool
}

// Open makes the cache and loads the certificates in it. It does not log, and does not
// ask the ACME server.
func Open(options Options) (*Manager, error) {
	m := &Manager{
		options: options,
		log:     options.Logger,
		cache:   newCache(options.Cache, options.Directory),
		client:  &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone(), Timeout: requestTimeout},
		opened:  time.Now(),
		byName:  make(map[string]*domain),
	}
	if err := m.cache.create(); err != nil {
		return nil, err
	}
	for _, name := range options.Domains {
		if m.byName[name] != nil {
			continue
		}
		d := &domain{name: name, next: m.opened}
		switch certificate, err := m.cache.certificate(context.Background(), name); {
		case err == nil:
			d.use(certificate)
		case errors.Is(err, errDamaged):
			d.isDamaged = true
		case !errors.Is(err, errMissing):
			return nil, fmt.Errorf("load the certificate of %s: %w", name, err)
		}
		m.domains = append(m.domains, d)
		m.byName[name] = d
	}
	return m, nil
}

// use makes a certificate that of d, and sets when to renew it.
func (d *domain) use(certificate *tls.Certificate) {
	d.loaded.Store(certificate)
	d.next = renewal(certificate.Leaf)
	d.outages, d.refusals, d.isPauseLogged = 0, 0, false
}

// Start begins to get and renew certificates, in the background.
func (m *Manager) Start() {
	for _, d := range m.domains {
		if d.isDamaged {
			m.log.Warn("the file of a certificate is damaged, the proxy gets a new one", "domain", d.name, "file", m.cache.file(d.name+certificateSuffix))
		}
		if d.loaded.Load() != nil {
			m.logLoaded(d)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.running.Go(func() { m.run(ctx) })
}

// logLoaded logs the certificate of d, which is from the cache.
func (m *Manager) logLoaded(d *domain) {
	m.log.Info("certificate loaded", "domain", d.name, "expires", d.loaded.Load().Leaf.NotAfter.UTC())
}

// Close ends the work in the background.
func (m *Manager) Close() {
	if m.cancel != nil {
		m.cancel()
		m.running.Wait()
	}
}

// Expiry returns when the first certificate expires. While a domain has none, Expiry
// returns the time of Open: no certificate has been valid since then.
func (m *Manager) Expiry() time.Time {
	var first time.Time
	for _, d := range m.domains {
		expiry := m.opened
		if certificate := d.loaded.Load(); certificate != nil {
			expiry = certificate.Leaf.NotAfter
		}
		if first.IsZero() || expiry.Before(first) {
			first = expiry
		}
	}
	return first
}

var (
	errNoCertificate = errors.New("the ACME server has not issued a certificate yet")
	errNoChallenge   = errors.New("the ACME server has no order of this domain to check")
)

// GetCertificate returns the certificate for a new connection. It is the GetCertificate
// of a tls.Config. A client without a server name, or with another one than those of
// Options.Domains, gets no certificate and no error, for which crypto/tls sends the alert
// unrecognized_name. An error becomes the alert internal_error.
func (m *Manager) GetCertificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	d := m.byName[strings.ToLower(hello.ServerName)]
	if d == nil {
		return nil, nil
	}
	if slices.Equal(hello.SupportedProtos, []string{Protocol}) { // RFC 8737, section 3
		return m.challenge(hello.Context(), d)
	}
	certificate := d.loaded.Load()
	if certificate == nil {
		return nil, errNoCertificate
	}
	return certificate, nil
}

// challenge returns the certificate that proves an order of this proxy, or of another one
// with the same cache.
func (m *Manager) challenge(ctx context.Context, d *domain) (*tls.Certificate, error) {
	if certificate := d.challenge.Load(); certificate != nil {
		return certificate, nil
	}
	certificate, err := m.cache.challenge(ctx, d.name)
	if errors.Is(err, errMissing) {
		err = errNoChallenge
	}
	return certificate, err
}

// run gets certificates when they are due, one at a time.
func (m *Manager) run(ctx context.Context) {
	for {
		d := slices.MinFunc(m.domains, func(a, b *domain) int {
			return cmp.Compare(a.next.UnixNano(), b.next.UnixNano())
		})
		if now := time.Now(); d.next.After(now) {
			timer := time.NewTimer(min(maxWait, d.next.Round(0).Sub(now.Round(0))))
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return
			}
			continue
		}
		m.renew(ctx, d)
		if ctx.Err() != nil {
			return
		}
	}
}
