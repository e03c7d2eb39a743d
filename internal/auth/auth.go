// Package auth decides whether a token allows to write metrics. Tokens are
// JSON Web Tokens (RFC 7519) signed with HMAC.
package auth

import (
	"errors"
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
			jwt.WithoutClaimsValidation(), // ours is below
		),
	}
}

// What is wrong with a token, without any part of it.
var (
	errMalformed = errors.New("the token is malformed")
	errCritical  = errors.New("the token has critical extensions, and none is supported")
	errSignature = errors.New("the token has a bad signature, or an algorithm other than HS256, HS384 and HS512")
)

// Verify returns nil for a token that is well formed, signed with the secret
// and valid now. The error never repeats any part of the token.
func (v *Verifier) Verify(token []byte) error {
	var p payload
	_, err := v.parser.ParseWithClaims(string(token), &p, v.key)
	switch {
	case errors.Is(err, errCritical):
		return errCritical
	case errors.Is(err, jwt.ErrTokenMalformed), errors.Is(err, jwt.ErrTokenUnverifiable):
		return errMalformed
	case err != nil:
		return errSignature
	}
	claims, err := p.read()
	if err != nil {
		return errMalformed
	}
	return claims.check(v.now())
}

func (v *Verifier) key(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, section 4.1.11
		return nil, errCritical
	}
	return v.secret, nil
}
