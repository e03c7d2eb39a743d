package auth

import (
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// Errors for tokens without a good signature. They name mistakes that people often
// make, but contain no part of the token.
var (
	errMalformed = errors.New("the token is malformed")
	errTooLong   = fmt.Errorf("%w: it is longer than %d bytes", errMalformed, maxTokenBytes)
	errBlank     = fmt.Errorf("%w: it contains a blank or a line break", errMalformed)
	errQuote     = fmt.Errorf("%w: it contains quotation marks", errMalformed)
	errParts     = fmt.Errorf("%w: want three parts with a dot between them", errMalformed)
	errCritical  = errors.New("the token has critical extensions, and none is supported")
	errSignature = errors.New("the token has a bad signature: another secret or key signed it")
	errNoKey     = errors.New("the token has a bad signature: no key here is for its algorithm and key ID")
)

// verifySignature checks that a key of set signed token, and returns the
// token's claims.
func (v *Verifier) verifySignature(set *keySet, token []byte) (*claims, error) {
	if err := checkCompactJWS(token); err != nil {
		return nil, err
	}
	var p payload
	lookup := keyLookup{set: set}
	_, err := v.parser.ParseWithClaims(string(token), &p, lookup.keyFunc)
	switch {
	case err == nil:
	case errors.Is(err, errCritical):
		return nil, errCritical
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, errNoKey):
		if lookup.isUnknownID && v.fetcher != nil {
			v.fetcher.requestFetch()
		}
		if lookup.keys == 0 {
			return nil, errNoKey
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

// checkCompactJWS returns an error unless token has the characters and the number
// of parts of a JWS in compact serialization (RFC 7515, section 7.1), and is not
// too long. The check is needed because the library skips line breaks.
func checkCompactJWS(token []byte) error {
	if len(token) > maxTokenBytes {
		return errTooLong
	}
	dots := 0
	for _, b := range token {
		switch {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9', b == '-', b == '_':
		case b == '.':
			dots++
		case b == ' ', b == '\t', b == '\r', b == '\n':
			return errBlank
		case b == '"', b == '\'':
			return errQuote
		default:
			return errMalformed
		}
	}
	if dots != 2 {
		return errParts
	}
	return nil
}

// keyLookup looks for the keys that may have signed one token.
type keyLookup struct {
	set *keySet

	// Results of keyFunc:
	keys        int  // number of keys that may have signed the token
	isUnknownID bool // the token names a key that is not in the JWK set
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
	l.keys = len(matching.Keys)
	if l.keys == 0 {
		return nil, errNoKey
	}
	return matching, nil
}
