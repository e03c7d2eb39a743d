// Package decode turns what a request carries into metrics: JSON, a form, a
// multipart form or a query string. It is pure: it knows no HTTP, reads no
// option and writes no log.
//
// What it returns is unchecked but for its grammar; package metric does the
// rest.
package decode

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"statsd-http-proxy/internal/metric"
)

// Decoder decodes one request after the other, reusing its memory. The slices
// of a decoded Metric belong to the request's bytes and to the Decoder: they
// are valid until its next call. It is not safe for concurrent use.
type Decoder struct {
	json    jsontext.Decoder
	buffer  bytes.Buffer // what json reads from: the body itself, not a copy
	scratch []byte       // holds the texts that had to be unescaped
}

// IsJSON tells whether body is taken for JSON, whatever its content type says:
// it starts with a brace, white space aside.
func IsJSON(body []byte) bool {
	rest := bytes.TrimLeft(body, " \t\r\n")
	return len(rest) > 0 && rest[0] == '{'
}

// errUnknown names a parameter that no kind of metric has.
func errUnknown(name []byte) error {
	return fmt.Errorf("unknown parameter %s", metric.Quote(name))
}

// valueOf returns where to put the parameter name, nil for an unknown one and
// for tags, which may be more than a plain value.
func valueOf(m *metric.Metric, name []byte) *metric.Value {
	switch string(name) {
	case "value":
		return &m.Value
	case "time":
		return &m.Time
	case "shift":
		return &m.Shift
	case "sampleRate":
		return &m.SampleRate
	}
	return nil
}

// setText sets the parameter name of a form to text.
func setText(m *metric.Metric, name, text []byte) error {
	v := valueOf(m, name)
	if string(name) == "tags" {
		v = &m.Tags
	}
	switch {
	case v == nil:
		return errUnknown(name)
	case v.Form != metric.Absent:
		return fmt.Errorf("parameter %s is given twice", metric.Quote(name))
	}
	*v = metric.Value{Text: text, Form: metric.String}
	return nil
}

var errBadEscape = errors.New("a percent sign is not followed by two hexadecimal digits")

// AppendUnescaped appends text with its percent escapes decoded once (RFC
// 3986, section 2.1).
func AppendUnescaped(dst, text []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(text, '%')
		if i < 0 {
			return append(dst, text...), nil
		}
		if len(text) < i+3 {
			return dst, errBadEscape
		}
		high, low := unhex[text[i+1]], unhex[text[i+2]]
		if high < 0 || low < 0 {
			return dst, errBadEscape
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, byte(high)<<4|byte(low))
		text = text[i+3:]
	}
}

// unhex holds the value of each hexadecimal digit, -1 for other bytes.
var unhex = func() (t [256]int8) {
	for b := range t {
		t[b] = -1
	}
	for i, b := range []byte("0123456789abcdef") {
		t[b] = int8(i)
	}
	for i, b := range []byte("ABCDEF") {
		t[b] = int8(10 + i)
	}
	return t
}()
