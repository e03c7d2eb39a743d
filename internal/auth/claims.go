package auth

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
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

// The methods of jwt.Claims, which the library asks nothing of.
func (payload) GetExpirationTime() (*jwt.NumericDate, error) { return nil, nil }
func (payload) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (payload) GetNotBefore() (*jwt.NumericDate, error)      { return nil, nil }
func (payload) GetIssuer() (string, error)                   { return "", nil }
func (payload) GetSubject() (string, error)                  { return "", nil }
func (payload) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }

// claims are the registered claims that decide when a token is valid; the zero
// time stands for an absent one.
type claims struct {
	expiresAt, notBefore, issuedAt time.Time
}

// read reads the claims set, an object each of whose names stands once.
func (p payload) read() (c claims, err error) {
	d := jsontext.NewDecoder(bytes.NewReader(p))
	if token, err := d.ReadToken(); err != nil || token.Kind() != '{' {
		return c, errors.New("the claims are no object")
	}
	for d.PeekKind() == '"' {
		token, err := d.ReadToken()
		if err != nil {
			return c, err
		}
		name := token.String()
		value, err := d.ReadValue()
		if err != nil {
			return c, err
		}
		if err := c.set(name, value); err != nil {
			return c, fmt.Errorf("claim %s: %w", name, err)
		}
	}
	_, err = d.ReadToken() // the closing brace
	return c, err
}

// set sets the claim name, if it is one of those that matter here, and checks
// the types of the others that RFC 7519 registers.
func (c *claims) set(name string, value jsontext.Value) (err error) {
	kind := value.Kind()
	switch {
	case kind == 'n':
		return nil
	case name == "exp":
		c.expiresAt, err = date(value)
	case name == "nbf":
		c.notBefore, err = date(value)
	case name == "iat":
		c.issuedAt, err = date(value)
	case (name == "iss" || name == "sub" || name == "jti") && kind != '"',
		name == "aud" && kind != '"' && kind != '[':
		return errors.New("it is of the wrong type")
	}
	return err
}

// maxDate is the end of the year 9999, in seconds since 1970.
const maxDate = 253402300799

// date reads a NumericDate (RFC 7519, section 2).
func date(value jsontext.Value) (time.Time, error) {
	seconds, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.Abs(seconds) > maxDate {
		return time.Time{}, errors.New("it is no date")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}

// check tells whether a token with these claims is valid at a time.
func (c *claims) check(now time.Time) error {
	switch {
	case !c.expiresAt.IsZero() && !now.Before(c.expiresAt):
		return errors.New("the token is expired")
	case now.Add(leeway).Before(c.notBefore), now.Add(leeway).Before(c.issuedAt):
		return errors.New("the token is not valid yet")
	}
	return nil
}
