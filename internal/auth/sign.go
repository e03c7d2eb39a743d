package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// Claims are what a token says that Sign makes. What is empty is left out.
type Claims struct {
	Issuer   string
	Subject  string
	Audience string

	IssuedAt  time.Time // in whole seconds
	ExpiresAt time.Time // in whole seconds; zero for a token without an end

	Metrics []string // patterns of names
	Types   []string // names of kinds
	Prefix  string
}

// maxSigned is how long a token may be that Sign makes, in bytes: a request
// carries more beside it.
const maxSigned = maxToken / 2

// Sign returns a token with the given claims, signed by HS256. Claims that a
// Verifier would refuse are an error.
func Sign(secret []byte, c Claims) (string, error) {
	if len(secret) == 0 {
		return "", errors.New("sign the token: the secret is empty")
	}
	p, err := c.payload()
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	if _, err := p.read(); err != nil {
		return "", err
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, p).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	if len(token) > maxSigned {
		return "", fmt.Errorf("sign the token: its %d bytes are more than %d", len(token), maxSigned)
	}
	return token, nil
}

// payload returns c in JSON.
func (c Claims) payload() (payload, error) {
	date := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	}
	return json.Marshal(struct {
		Issuer    string   `json:"iss,omitzero"`
		Subject   string   `json:"sub,omitzero"`
		Audience  string   `json:"aud,omitzero"`
		IssuedAt  int64    `json:"iat,omitzero"`
		ExpiresAt int64    `json:"exp,omitzero"`
		Metrics   []string `json:"metrics,omitzero"`
		Types     []string `json:"types,omitzero"`
		Prefix    string   `json:"prefix,omitzero"`
	}{c.Issuer, c.Subject, c.Audience, date(c.IssuedAt), date(c.ExpiresAt), c.Metrics, c.Types, c.Prefix})
}
