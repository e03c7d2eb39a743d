package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
)

// Claims are the claims of a token that Sign makes. Empty fields are left out of
// the token; an empty list that is not nil is written, and allows nothing.
type Claims struct {
	Issuer   string // iss
	Subject  string // sub
	Audience string // aud

	IssuedAt  time.Time // iat, in whole seconds
	ExpiresAt time.Time // exp, in whole seconds; zero for a token that never expires

	Metrics []string // patterns of metric names
	Tags    []string // patterns of tag keys
	Types   []string // metric types: count, gauge and so on
	Prefix  string   // of metric names

	Limits
}

// maxSignedBytes is the maximum length of a token that Sign makes. It leaves
// room in a request head for everything else.
const maxSignedBytes = maxTokenBytes / 2

// Sign returns a token with the given claims, signed by HS256. It returns an
// error for claims that a Verifier would reject. The error contains no part of
// the secret.
func Sign(secret []byte, c Claims) (string, error) {
	if len(secret) == 0 {
		return "", errors.New("sign the token: the secret is empty")
	}
	p, err := c.payload()
	if err != nil {
		return "", fmt.Errorf("write the claims: %w", err)
	}
	if _, err := p.parse(); err != nil {
		return "", err
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, p).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign the token: %w", err)
	}
	if len(token) > maxSignedBytes {
		return "", fmt.Errorf("sign the token: it has %d bytes, want at most %d", len(token), maxSignedBytes)
	}
	return token, nil
}

// payload returns c as JSON.
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
		Tags      []string `json:"tags,omitzero"`
		Types     []string `json:"types,omitzero"`
		Prefix    string   `json:"prefix,omitzero"`
		Rate      float64  `json:"rate,omitzero"`
		Burst     int      `json:"burst,omitzero"`
		MaxSeries int      `json:"max_series,omitzero"`
	}{
		c.Issuer, c.Subject, c.Audience, date(c.IssuedAt), date(c.ExpiresAt),
		c.Metrics, c.Tags, c.Types, c.Prefix, c.Rate, c.Burst, c.MaxSeries,
	})
}
