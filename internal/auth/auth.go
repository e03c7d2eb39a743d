// Package auth verifies tokens and returns what they allow. Tokens are JSON Web
// Tokens (RFC 7519). They are signed with a shared secret or with the private
// key of an identity provider:
//
//	token ─▶ cache ─▶ Grant
//	           │ miss                            secrets ─┐
//	           └─▶ header ─▶ key ─▶ signature    PEM file ┼─▶ keys
//	               ─▶ claims ─▶ Grant             JWK set ─┘
package auth

import (
	"bytes"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// DefaultLeeway is the usual value of Options.Leeway.
const DefaultLeeway = 5 * time.Second

// maxTokenBytes is the maximum length of a token. It equals the maximum size of
// a request head, so that every token that fits into a request can be read.
const maxTokenBytes = 16 << 10

// Options configures a Verifier. At least one of Keys and JWKSURL is required.
type Options struct {
	// Keys are the configured keys; nil means none.
	Keys *Keys

	// JWKSURL is the http or https URL of a JWK set with more keys. The Verifier
	// fetches it regularly. Empty means none.
	JWKSURL string

	Issuer     string        // the required value of iss; empty accepts any
	Audience   string        // a required element of aud; empty accepts any
	RequireExp bool          // rejects tokens without exp
	Leeway     time.Duration // tolerance for nbf and iat; exp has none

	// Logger receives the results of fetches. It is required with a JWKSURL.
	Logger *slog.Logger
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct {
	rules   rules
	fetcher *fetcher // nil without a JWK set
	parser  *jwt.Parser
	now     func() time.Time

	counters counters

	mu      sync.Mutex // serializes changes of current
	current atomic.Pointer[keySet]
}

// keySet holds the keys in use and the tokens that they verified. New keys come
// with an empty cache, so that no token outlives its key.
type keySet struct {
	configured *Keys
	fetched    []key
	cache      *cache
}

// New returns a Verifier. The caller must close it. New does not wait for the
// JWK set: until the first fetch succeeds, tokens that need its keys are
// rejected.
func New(options Options) (*Verifier, error) {
	v, err := newVerifier(options)
	if err == nil && v.fetcher != nil {
		v.fetcher.start()
	}
	return v, err
}

func newVerifier(options Options) (*Verifier, error) {
	v := &Verifier{
		rules: rules{options.Issuer, options.Audience, options.RequireExp, options.Leeway},
		now:   time.Now,
		parser: jwt.NewParser(
			jwt.WithValidMethods(allMethods), // "none" is not among them
			jwt.WithStrictDecoding(),         // one token has one spelling
			jwt.WithoutClaimsValidation(),    // claims.go validates them
		),
	}
	configured := options.Keys
	if configured == nil {
		configured = new(Keys)
	}
	if len(configured.keys) == 0 && options.JWKSURL == "" {
		return nil, errors.New("there is no key to verify tokens with")
	}
	v.current.Store(&keySet{configured: configured, cache: newCache()})
	if options.JWKSURL != "" {
		if err := CheckURL(options.JWKSURL); err != nil {
			return nil, err
		}
		v.fetcher = newFetcher(options.JWKSURL, options.Logger, v.setFetched)
	}
	return v, nil
}

// Close stops fetching keys and waits until the current fetch has ended. Verify
// works after Close, with the keys at hand.
func (v *Verifier) Close() {
	if v.fetcher != nil {
		v.fetcher.close()
	}
}

// JWKSLastSuccess returns when the last fetch of the JWK set succeeded, in Unix
// seconds. It returns 0 before that, and without a JWK set. A set without a key
// that verifies tokens is not a success.
func (v *Verifier) JWKSLastSuccess() int64 {
	if v.fetcher == nil {
		return 0
	}
	return v.fetcher.lastSuccess.Load()
}

// SetKeys replaces Options.Keys. Tokens that the old keys verified are verified
// again.
func (v *Verifier) SetKeys(keys *Keys) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current.Store(&keySet{configured: keys, fetched: v.current.Load().fetched, cache: newCache()})
}

// setFetched replaces the keys of the JWK set.
func (v *Verifier) setFetched(keys []key) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current.Store(&keySet{configured: v.current.Load().configured, fetched: keys, cache: newCache()})
}

// Verify checks that token is well formed, signed with a key in use and valid
// now, and returns its grant. Verify neither changes nor keeps token. The error
// contains no part of the token, so that it can be logged and sent to a client.
func (v *Verifier) Verify(token []byte) (*Grant, error) {
	grant, err := v.verify(token)
	v.counters.count(err)
	return grant, err
}

func (v *Verifier) verify(token []byte) (*Grant, error) {
	set, now := v.current.Load(), v.now()
	if e := set.cache.get(token); e != nil {
		if err := e.validity.check(now); err != nil {
			set.cache.remove(token)
			return nil, err
		}
		return e.grant, nil
	}
	c, err := v.verifySignature(set, token)
	if err != nil {
		return nil, err
	}
	if err := v.rules.check(c); err != nil {
		return nil, err
	}
	validity := v.rules.validity(c)
	if err := validity.check(now); err != nil {
		return nil, err
	}
	set.cache.add(&cacheEntry{bytes.Clone(token), validity, &c.grant})
	return &c.grant, nil
}
