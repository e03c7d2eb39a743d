package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/crypto/acme"
)

const (
	// fetchTimeout is the time to get one certificate.
	fetchTimeout = 3 * time.Minute

	// challengeType is the only challenge that the proxy can meet.
	challengeType = "tls-alpn-01"

	// A request whose nonce the server does not take any more is sent again.
	maxNonceRetries = 5
	nonceRetryPause = 100 * time.Millisecond
)

// errUnusable is part of errors about an order or a certificate that the ACME server gave
// and that the proxy cannot use.
var errUnusable = errors.New("the ACME server's answer is of no use")

// fetch gets a new certificate for d from the ACME server. It returns the text for the
// cache, too.
func (m *Manager) fetch(ctx context.Context, d *domain) (text []byte, certificate *tls.Certificate, err error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	defer m.client.CloseIdleConnections()
	client, err := m.register(ctx)
	if err != nil {
		return nil, nil, err
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(d.name))
	if err != nil {
		return nil, nil, fmt.Errorf("order a certificate: %w", err)
	}
	for _, url := range order.AuthzURLs {
		if err := m.authorize(ctx, client, d, url); err != nil {
			return nil, nil, err
		}
	}
	if order, err = client.WaitOrder(ctx, order.URI); err != nil {
		return nil, nil, fmt.Errorf("wait for the order: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{d.name}}, key)
	if err != nil {
		return nil, nil, err
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, nil, fmt.Errorf("fetch the certificate: %w", err)
	}
	if text, err = encode(key, chain); err != nil {
		return nil, nil, err
	}
	if certificate, err = decode(text, d.name); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errUnusable, err)
	}
	return text, certificate, nil
}

// register returns a client with an account at the ACME server. It makes the account if
// there is none, as after the server has forgotten it.
func (m *Manager) register(ctx context.Context) (*acme.Client, error) {
	key, err := m.cache.accountKey(ctx)
	if err != nil {
		return nil, err
	}
	client := &acme.Client{
		Key:          key,
		HTTPClient:   m.client,
		DirectoryURL: m.options.Directory,
		RetryBackoff: retryPause,
		UserAgent:    "statsd-http-proxy",
	}
	directory, err := client.Discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the directory: %w", err)
	}
	account := &acme.Account{}
	if m.options.Email != "" {
		account.Contact = []string{"mailto:" + m.options.Email}
	}
	_, err = client.Register(ctx, account, acme.AcceptTOS)
	switch {
	case err == nil:
		m.log.Info("the ACME server has made an account", "directory", m.options.Directory, "terms", directory.Terms)
	case errors.Is(err, acme.ErrAccountAlreadyExists):
		err = nil
		if account.Contact != nil {
			_, err = client.UpdateReg(ctx, account)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make an account: %w", err)
	}
	return client, nil
}

// retryPause ends a request that the ACME server rejects, so that fail decides when to try
// again. Only a wrong nonce, which is normal, is corrected at once (RFC 8555, section 6.5).
func retryPause(n int, _ *http.Request, response *http.Response) time.Duration {
	if response.StatusCode != http.StatusBadRequest || n > maxNonceRetries {
		return -1
	}
	return nonceRetryPause
}

// authorize proves to the ACME server that this proxy answers for d.
func (m *Manager) authorize(ctx context.Context, client *acme.Client, d *domain, url string) error {
	authorization, err := client.GetAuthorization(ctx, url)
	if err != nil {
		return fmt.Errorf("read the authorization: %w", err)
	}
	if authorization.Status == acme.StatusValid {
		return nil // from a former order
	}
	i := slices.IndexFunc(authorization.Challenges, func(c *acme.Challenge) bool { return c.Type == challengeType })
	if i < 0 {
		return fmt.Errorf("%w: it offers no challenge %s for %s", errUnusable, challengeType, d.name)
	}
	challenge := authorization.Challenges[i]
	certificate, err := client.TLSALPN01ChallengeCert(challenge.Token, d.name)
	if err != nil {
		return err
	}
	d.challenge.Store(&certificate)
	defer d.challenge.Store(nil)
	// The ACME server may reach another proxy with the same cache.
	text, err := encode(certificate.PrivateKey, certificate.Certificate)
	if err != nil {
		return err
	}
	if err := m.cache.put(ctx, d.name+challengeSuffix, text); err != nil {
		return err
	}
	defer m.cache.remove(d.name + challengeSuffix)
	if _, err := client.Accept(ctx, challenge); err != nil {
		return fmt.Errorf("begin the challenge: %w", err)
	}
	if _, err := client.WaitAuthorization(ctx, url); err != nil {
		return fmt.Errorf("wait for the challenge: %w", err)
	}
	return nil
}
