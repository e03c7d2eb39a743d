package auth

import (
	"errors"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Errors for tokens without a good signature.
var (
	errMalformed = errors.New("the token is malformed")
	errCritical  = errors.New("the token has critical extensions, and none is supported")
	errSignature = errors.New("the token has a bad signature, or an algorithm that no key here is for")
)

// verifySignature checks that a key of set signed token, and returns the
// token's claims.
func (v *Verifier) verifySignature(set *keySet, token []byte) (*claims, error) {
	if !isCompactJWS(token) {
		return nil, errMalformed
	}
	var p payload
	lookup := keyLookup{set: set}
	_, err := v.parser.ParseWithClaims(string(token), &p, lookup.keyFunc)
	switch {
	case err == nil:
	case errors.Is(err, errCritical):
		return nil, errCritical
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, errSignature):
		if lookup.isUnknownID && v.fetcher != nil {
			v.fetcher.requestFetch()
		}
		return nil, errSignature
	default:
		return nil, errMalformed
	}
	c, err := p.parse()
	if err != nil {
		return nil, publicError(err)
	}
	return c, nil
}

// isCompactJWS reports whether token has only characters of the compact
// serialization of a JWS (RFC 7515, section 7.1) and is not too long. The check
// is needed because the library skips line breaks.
func isCompactJWS(token []byte) bool {
	for _, b := range token {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_', b == '.':
		default:
			return false
		}
	}
	return len(token) <= maxTokenBytes
}

// keyLookup looks for the keys that may have signed one token.
type keyLookup struct {
	set *keySet

	// isUnknownID is a result: the token names a key that is not in the JWK set.
	isUnknownID bool
}

// keyFunc implements jwt.Keyfunc. It returns the keys for the token's algorithm.
// If the token names a key, keyFunc leaves out keys with other names.
func (l *keyLookup) keyFunc(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, section 4.1.11
		return nil, errCritical
	}
	id := ""
	if kid, ok := t.Header["kid"]; ok {
		if id, ok = kid.(string); !ok {
			return nil, errMalformed
		}
	}
	var matching jwt.VerificationKeySet
	add := func(keys []key) {
		for _, k := range keys {
			if slices.Contains(k.methods, t.Method.Alg()) && (id == "" || k.id == "" || k.id == id) {
				matching.Keys = append(matching.Keys, k.value)
			}
		}
	}
	add(l.set.configured.keys)
	add(l.set.fetched)
	l.isUnknownID = id != "" && !slices.ContainsFunc(l.set.fetched, func(k key) bool { return k.id == id })
	if len(matching.Keys) == 0 {
		return nil, errSignature
	}
	return matching, nil
}
