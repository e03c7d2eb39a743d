// Package auth decides whether a token allows to write metrics, and which.
// Tokens are JSON Web Tokens (RFC 7519), signed with a secret of ours or with a
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
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// DefaultLeeway is how far the clock of a token's issuer may be ahead of ours,
// unless an operator says otherwise.
const DefaultLeeway = 5 * time.Second

// maxToken is how long a token may be, in bytes: as long as a request's head.
const maxToken = 16 << 10

// Options are the settings of a Verifier. At least one key has to come from
// Keys, or there has to be a JWKSURL.
type Options struct {
	Keys *Keys // may be nil

	// JWKSURL is where a JWK set with more keys is fetched from, again and
	// again; empty for none.
	JWKSURL string

	Issuer     string        // what iss has to be; empty takes any
	Audience   string        // what aud has to contain; empty takes any
	RequireExp bool          // refuses tokens without an end
	Leeway     time.Duration // for nbf and iat; a token ends at its exp sharp

	Logger *slog.Logger // needed with a JWKSURL
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	rules   rules
	fetcher *fetcher // nil without a JWK set
	parser  *jwt.Parser
	now     func() time.Time

	mu      sync.Mutex // serves changes of current
	current atomic.Pointer[keySet]
}

// keySet is the keys in use, with the tokens that they have verified: new keys
// come with an empty cache, so that no token outlives its key.
type keySet struct {
	given   *Keys
	fetched []key
	cache   *cache
}

// New returns a Verifier, which has to be closed. It does not wait for the keys
// at a JWKSURL: until they are there, tokens that need them are refused.
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
			jwt.WithStrictDecoding(),         // one token, one spelling
			jwt.WithoutClaimsValidation(),    // ours is in claims.go
		),
	}
	given := options.Keys
	if given == nil {
		given = new(Keys)
	}
	if len(given.keys) == 0 && options.JWKSURL == "" {
		return nil, errors.New("there is no key to verify tokens with")
	}
	v.current.Store(&keySet{given: given, cache: newCache()})
	if options.JWKSURL != "" {
		if err := CheckURL(options.JWKSURL); err != nil {
			return nil, err
		}
		v.fetcher = newFetcher(options.JWKSURL, options.Logger, v.setFetched)
	}
	return v, nil
}

// Close ends the fetching of keys and waits for its end. Verify may still be
// called.
func (v *Verifier) Close() {
	if v.fetcher != nil {
		v.fetcher.close()
	}
}

// SetKeys replaces the keys that Options gave. Tokens verified with others are
// checked again.
func (v *Verifier) SetKeys(keys *Keys) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current.Store(&keySet{given: keys, fetched: v.current.Load().fetched, cache: newCache()})
}

// setFetched replaces the keys of the JWK set.
func (v *Verifier) setFetched(keys []key) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.current.Store(&keySet{given: v.current.Load().given, fetched: keys, cache: newCache()})
}

// What is wrong with a token, without any part of it.
var (
	errMalformed = errors.New("the token is malformed")
	errCritical  = errors.New("the token has critical extensions, and none is supported")
	errSignature = errors.New("the token has a bad signature, or an algorithm that no key here is for")
)

// Verify returns what a token allows, if it is well formed, signed with a key
// in use and valid now. The error never repeats any part of the token, which
// belongs to the caller.
func (v *Verifier) Verify(token []byte) (*Grant, error) {
	set, now := v.current.Load(), v.now()
	if e := set.cache.get(token); e != nil {
		if err := e.validity.check(now); err != nil {
			set.cache.remove(token)
			return nil, err
		}
		return e.grant, nil
	}
	c, err := v.read(set, token)
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
	set.cache.add(&cached{bytes.Clone(token), validity, &c.grant})
	return &c.grant, nil
}

// read checks the signature of a token and reads its claims.
func (v *Verifier) read(set *keySet, token []byte) (*claims, error) {
	if !isCompact(token) {
		return nil, errMalformed
	}
	var p payload
	s := search{set: set}
	_, err := v.parser.ParseWithClaims(string(token), &p, s.keys)
	switch {
	case err == nil:
	case errors.Is(err, errCritical):
		return nil, errCritical
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, errSignature):
		if s.unknown && v.fetcher != nil {
			v.fetcher.want()
		}
		return nil, errSignature
	default:
		return nil, errMalformed
	}
	c, err := p.read()
	if err != nil {
		return nil, errClaims(err)
	}
	return c, nil
}

// isCompact tells whether token consists of the characters of a JWS in its
// compact form (RFC 7515, section 7.1). The library passes over line breaks.
func isCompact(token []byte) bool {
	for _, b := range token {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_', b == '.':
		default:
			return false
		}
	}
	return len(token) <= maxToken
}

// search looks for the keys of one token.
type search struct {
	set     *keySet
	unknown bool // it names a key that is not in the JWK set
}

// keys implements jwt.Keyfunc: it returns the keys that may have signed a
// token, those of its algorithm and, where it names one, of that name.
func (s *search) keys(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, section 4.1.11
		return nil, errCritical
	}
	id := ""
	if named, ok := t.Header["kid"]; ok {
		if id, ok = named.(string); !ok {
			return nil, errMalformed
		}
	}
	var all jwt.VerificationKeySet
	add := func(keys []key) {
		for _, k := range keys {
			if slices.Contains(k.methods, t.Method.Alg()) && (id == "" || k.id == "" || k.id == id) {
				all.Keys = append(all.Keys, k.value)
			}
		}
	}
	add(s.set.given.keys)
	add(s.set.fetched)
	s.unknown = id != "" && !slices.ContainsFunc(s.set.fetched, func(k key) bool { return k.id == id })
	if len(all.Keys) == 0 {
		return nil, errSignature
	}
	return all, nil
}
