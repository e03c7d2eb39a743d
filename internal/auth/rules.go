package auth

import (
	"errors"
	"slices"
	"time"
)

// Errors for tokens with a good signature that are not acceptable (now).
var (
	errExpired  = errors.New("the token is expired")
	errTooEarly = errors.New("the token is not valid yet")
	errNoExp    = errors.New("the token has no exp claim, which is required here")
	errIssuer   = errors.New("the token has the wrong issuer (claim iss)")
	errAudience = errors.New("the token is for another audience (claim aud)")
)

// rules are the operator's requirements for claims.
type rules struct {
	issuer, audience string // empty accepts any
	requireExp       bool
	leeway           time.Duration
}

// check checks the claims that do not depend on the time.
func (r *rules) check(c *claims) error {
	switch {
	case r.requireExp && c.expiresAt.IsZero():
		return errNoExp
	case r.issuer != "" && c.issuer != r.issuer:
		return errIssuer
	case r.audience != "" && !slices.Contains(c.audience, r.audience):
		return errAudience
	}
	return nil
}

// validity is the period in which a token is valid: from ≤ now < until.
type validity struct {
	from  time.Time
	until time.Time // zero if the token never expires
}

// validity returns the period in which c is valid. It begins at the later of
// nbf and iat, less the leeway, and ends at exp without leeway.
func (r *rules) validity(c *claims) validity {
	from := c.notBefore
	if c.issuedAt.After(from) {
		from = c.issuedAt
	}
	return validity{from.Add(-r.leeway), c.expiresAt}
}

// check returns an error unless now is in v.
func (v *validity) check(now time.Time) error {
	switch {
	case !v.until.IsZero() && !now.Before(v.until):
		return errExpired
	case now.Before(v.from):
		return errTooEarly
	}
	return nil
}
