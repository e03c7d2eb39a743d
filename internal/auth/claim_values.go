package auth

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// parseString parses a JSON string.
func parseString(value jsontext.Value) (string, error) {
	if value.Kind() != '"' {
		return "", errors.New("want a string")
	}
	unquoted, err := jsontext.AppendUnquote(nil, value)
	return string(unquoted), err
}

// parseStrings parses a JSON array of strings. A single string counts as an
// array of one.
func parseStrings(value jsontext.Value) ([]string, error) {
	if value.Kind() == '"' {
		single, err := parseString(value)
		return []string{single}, err
	}
	if value.Kind() != '[' {
		return nil, errors.New("want a string or an array of strings")
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
		return nil, errors.New("want an array of strings only")
	}
	return list, nil
}

// The range of dates, in seconds since 1970: the years 1 to 9999. The first
// second of year 1 is left out, because it is Go's zero time, which stands for
// an absent date.
const (
	minDate = -62135596799
	maxDate = 253402300799
)

// errMilliseconds is the error for a date that is out of range in seconds, but not
// in milliseconds.
var errMilliseconds = errors.New("want seconds, not milliseconds")

// parseDate parses a NumericDate (RFC 7519, section 2).
func parseDate(value jsontext.Value) (time.Time, error) {
	seconds, err := strconv.ParseFloat(string(value), 64)
	switch {
	case err != nil:
		return time.Time{}, errors.New("want seconds since 1970")
	case seconds > maxDate && seconds <= 1000*maxDate:
		return time.Time{}, errMilliseconds
	case seconds < minDate || seconds > maxDate:
		return time.Time{}, errors.New("want seconds since 1970")
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), nil
}
