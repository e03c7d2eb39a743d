// Package auth decides whether a token allows to write metrics. Tokens are
// JSON Web Tokens (RFC 7519) signed with HMAC.
package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// leeway is how far the clock of a token's issuer may be ahead of ours. It
// serves nbf and iat; a token ends at its exp sharp.
const leeway = 5 * time.Second

// Verifier checks tokens against one secret. It is safe for concurrent use.
type Verifier struct {
	secret []byte
	parser *jwt.Parser
	now    func() time.Time
}

// NewVerifier returns a Verifier for tokens signed with secret.
func NewVerifier(secret string) *Verifier {
	return newVerifier(secret, time.Now)
}

func newVerifier(secret string, now func() time.Time) *Verifier {
	return &Verifier{
		secret: []byte(secret),
		now:    now,
		// The list pins the algorithms: neither "none" nor one that would take
		// the secret for a public key gets as far as the signature.
		parser: jwt.NewParser(
			jwt.WithValidMethods([]string{"HS256", "HS384", "HS512"}),
			jwt.WithIssuedAt(),
			jwt.WithLeeway(leeway),
			jwt.WithTimeFunc(now),
		),
	}
}

// Verify returns nil for a token that is well formed, signed with the secret
// and valid now. The error never repeats any part of the token.
func (v *Verifier) Verify(token []byte) error {
	var c claims
	_, err := v.parser.ParseWithClaims(string(token), &c, v.key)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired), err == nil && c.expired(v.now()):
		return errors.New("the token is expired")
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return errors.New("the token is not valid yet")
	case errors.Is(err, errCritical):
		return errCritical
	case errors.Is(err, jwt.ErrTokenMalformed), errors.Is(err, jwt.ErrTokenUnverifiable):
		return errors.New("the token is malformed")
	default:
		return errors.New("the token has a bad signature, or an algorithm other than HS256, HS384 and HS512")
	}
}

var errCritical = errors.New("the token has critical extensions, and none is supported")

func (v *Verifier) key(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, section 4.1.11
		return nil, errCritical
	}
	return v.secret, nil
}

// claims are the registered claims, with dates that have to be numbers. (The
// library also takes a number within a string.)
type claims struct {
	jwt.RegisteredClaims
	ExpiresAt date `json:"exp"`
	NotBefore date `json:"nbf"`
	IssuedAt  date `json:"iat"`
}

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.ExpiresAt.NumericDate, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.NotBefore.NumericDate, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt.NumericDate, nil }

// expired tells whether the token has ended, without the leeway that the
// library grants to all dates alike.
func (c *claims) expired(now time.Time) bool {
	return c.ExpiresAt.NumericDate != nil && !now.Before(c.ExpiresAt.Time)
}

// date is a NumericDate (RFC 7519, section 2), nil where it is absent.
type date struct{ *jwt.NumericDate }

// UnmarshalJSON implements json.Unmarshaler.
func (d *date) UnmarshalJSON(text []byte) error {
	if bytes.HasPrefix(text, []byte{'"'}) {
		return fmt.Errorf("date %s is not a number", text)
	}
	return json.Unmarshal(text, &d.NumericDate)
}
