package auth

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/metric"
)

// payload is the claims set of a token as it was sent: the library checks the
// signature and leaves the claims to us. (Its own reading takes "EXP" for exp,
// a number within a string for a date, and a date that is out of range for
// one long ago.)
type payload []byte

// UnmarshalJSON implements json.Unmarshaler. It is not called for a null.
func (p *payload) UnmarshalJSON(text []byte) error {
	*p = bytes.Clone(text)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (p payload) MarshalJSON() ([]byte, error) { return p, nil }

// The methods of jwt.Claims, which the library asks nothing of.
func (payload) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (payload) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (payload) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (payload) GetIssuer() (string, error)                   { return "", nil }
func (payload) GetSubject() (string, error)                  { return "", nil }
func (payload) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// claims are the claims that decide when a token is valid and what it allows;
// the zero time stands for an absent one.
type claims struct {
	expiresAt, notBefore, issuedAt time.Time
	issuer                         string
	audience                       []string
	grant                          Grant
}

// claimError tells which claim cannot be read, and why. The reason may repeat
// parts of the token: it is for whoever signs one.
type claimError struct {
	name   string
	reason error
}

func (e *claimError) Error() string { return "claim " + e.name + ": " + e.reason.Error() }

// read reads the claims set, an object each of whose names stands once. Its
// error may repeat parts of it.
func (p payload) read() (*claims, error) {
	c := &claims{grant: Grant{Scope: metric.Scope{Kinds: metric.AllKinds}}}
	d := jsontext.NewDecoder(bytes.NewReader(p))
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, errors.New("the claims are no object")
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		if err := c.set(name, value); err != nil {
			return nil, &claimError{name, err}
		}
	}
	_, err := d.ReadToken() // the closing brace
	return c, err
}

// set sets the claim name, if it is one of those that matter here, and checks
// the types of the others that RFC 7519 registers. A null counts as absent,
// except in what a token allows: there an absent claim allows everything, and
// programs write null for an empty list.
func (c *claims) set(name string, value jsontext.Value) (err error) {
	switch name {
	case "metrics", "types", "prefix":
		return c.grant.set(name, value)
	}
	if value.Kind() == 'n' {
		return nil
	}
	switch name {
	case "exp":
		c.expiresAt, err = date(value)
	case "nbf":
		c.notBefore, err = date(value)
	case "iat":
		c.issuedAt, err = date(value)
	case "iss":
		c.issuer, err = text(value)
	case "sub":
		c.grant.Subject, err = text(value)
	case "jti":
		_, err = text(value)
	case "aud":
		c.audience, err = texts(value)
	}
	return err
}

// set sets one of the claims that say what a token allows.
func (g *Grant) set(name string, value jsontext.Value) (err error) {
	if name == "prefix" {
		prefix, err := text(value)
		g.Prefix = []byte(prefix)
		return errors.Join(err, metric.CheckPrefix(prefix))
	}
	list, err := texts(value)
	switch {
	case err != nil:
	case name == "metrics":
		g.Metrics, err = metric.ParsePatterns(list)
	default:
		g.Kinds, err = metric.ParseKinds(list)
	}
	return err
}

// text reads a string.
func text(value jsontext.Value) (string, error) {
	if value.Kind() != '"' {
		return "", errors.New("it is no string")
	}
	unquoted, err := jsontext.AppendUnquote(nil, value)
	return string(unquoted), err
}

// texts reads an array of strings, or a single string as an array of one.
func texts(value jsontext.Value) ([]string, error) {
	if value.Kind() == '"' {
		one, err := text(value)
		return []string{one}, err
	}
	if value.Kind() != '[' {
		return nil, errors.New("it is neither a string nor an array of strings")
	}
	d := jsontext.NewDecoder(bytes.NewReader(value))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	list := []string{}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		list = append(list, token.String())
	}
	if d.PeekKind() != ']' {
		return nil, errors.New("it is an array of more than strings")
	}
	return list, nil
}

// The dates that a claim may hold, in seconds since 1970: the years 1 to 9999,
// less the very first second, which is Go's zero time and stands for no date.
const (
	minDate = -62135596799
	maxDate = 253402300799
)

// date reads a NumericDate (RFC 7519, section 2).
func date(value jsontext.Value) (time.Time, error) {
	seconds, err := strconv.ParseFloat(string(value), 64)
	if err != nil || seconds < minDate || seconds > maxDate {
		return time.Time{}, errors.New("it is no date")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// rules are what a Verifier asks of claims besides their signature.
type rules struct {
	issuer, audience string // empty where any will do
	requireExp       bool
	leeway           time.Duration
}

// Claims that do not do.
var (
	errExpired  = errors.New("the token is expired")
	errTooEarly = errors.New("the token is not valid yet")
	errNoExp    = errors.New("the token has no exp, and needs one")
	errIssuer   = errors.New("the token is not of the issuer that is expected")
	errAudience = errors.New("the token is not for the audience that is expected")
)

// check tells whether the rules allow c at any time.
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

// validity is the time in which a token is valid.
type validity struct {
	from  time.Time
	until time.Time // which is no longer in it; zero where there is no end
}

// validity returns when c is valid: from nbf and iat on, less the leeway, and
// until exp sharp.
func (r *rules) validity(c *claims) validity {
	from := c.notBefore
	if c.issuedAt.After(from) {
		from = c.issuedAt
	}
	return validity{from.Add(-r.leeway), c.expiresAt}
}

// check tells whether now is in v.
func (v *validity) check(now time.Time) error {
	switch {
	case !v.until.IsZero() && !now.Before(v.until):
		return errExpired
	case now.Before(v.from):
		return errTooEarly
	}
	return nil
}

// errClaims returns what a client is told about claims that cannot be read:
// no part of the token but a name of ours.
func errClaims(err error) error {
	var claim *claimError
	if errors.As(err, &claim) {
		return fmt.Errorf("%w: its claim %s is wrong", errMalformed, claim.name)
	}
	return errMalformed
}
