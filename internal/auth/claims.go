package auth

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/metric"
)

// payload is the JSON text of a token's claims. The jwt library checks the
// signature; this package parses the claims itself. (The library accepts "EXP"
// for exp and a quoted number for a date, and takes a date that is out of range
// for one in the distant past.)
type payload []byte

// UnmarshalJSON implements json.Unmarshaler. It is not called for a null.
func (p *payload) UnmarshalJSON(text []byte) error {
	*p = bytes.Clone(text)
	return nil
}

// MarshalJSON implements json.Marshaler.
func (p payload) MarshalJSON() ([]byte, error) { return p, nil }

// These methods implement jwt.Claims. The library does not use their results,
// because its validation of claims is turned off.
func (payload) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (payload) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (payload) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (payload) GetIssuer() (string, error)                   { return "", nil }
func (payload) GetSubject() (string, error)                  { return "", nil }
func (payload) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// claims are the parsed claims that matter here. The zero time stands for an
// absent date.
type claims struct {
	expiresAt, notBefore, issuedAt time.Time
	issuer                         string
	audience                       []string
	grant                          Grant
}

// claimError is the error for a claim that cannot be parsed. The reason may
// contain parts of the token, so only Sign returns it. Clients get publicError.
type claimError struct {
	name   string
	reason error
}

func (e *claimError) Error() string { return "claim " + e.name + ": " + e.reason.Error() }
func (e *claimError) Unwrap() error { return e.reason }

// publicError returns the error that a client gets for an error of
// payload.parse. It contains no part of the token except the name of a claim
// that this package knows.
func publicError(err error) error {
	var claim *claimError
	switch {
	case !errors.As(err, &claim):
		return errMalformed
	case errors.Is(err, errMilliseconds):
		return &claimTypeError{fmt.Errorf("%w: its claim %s is wrong: %w", errMalformed, claim.name, errMilliseconds)}
	default:
		return &claimTypeError{fmt.Errorf("%w: its claim %s is wrong", errMalformed, claim.name)}
	}
}

// claimTypeError tells the public error for a claim from that for other malformed
// tokens.
type claimTypeError struct{ error }

func (e *claimTypeError) Unwrap() error { return e.error }

// parse parses the claims: a JSON object without duplicate names. The error may
// contain parts of the claims.
func (p payload) parse() (*claims, error) {
	c := &claims{grant: Grant{Scope: metric.Scope{Kinds: metric.AllKinds}}}
	d := jsontext.NewDecoder(bytes.NewReader(p))
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return nil, errors.New("the claims are not a JSON object")
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

// set sets the claim with the given name. It ignores unknown claims, but checks
// the type of every claim that RFC 7519 registers.
//
// A null counts as absent. The claims of a Grant are an exception: without them
// a token allows everything, and some programs write null for an empty list.
func (c *claims) set(name string, value jsontext.Value) (err error) {
	if setGrant, ok := grantClaims[name]; ok {
		return setGrant(&c.grant, value)
	}
	if value.Kind() == 'n' {
		return nil
	}
	switch name {
	case "exp":
		c.expiresAt, err = parseDate(value)
	case "nbf":
		c.notBefore, err = parseDate(value)
	case "iat":
		c.issuedAt, err = parseDate(value)
	case "iss":
		c.issuer, err = parseString(value)
	case "sub":
		c.grant.Subject, err = parseString(value)
	case "jti":
		_, err = parseString(value)
	case "aud":
		c.audience, err = parseStrings(value)
	}
	return err
}
