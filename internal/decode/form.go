package decode

import (
	"bytes"
	"fmt"

	"statsd-http-proxy/internal/metric"
)

// Form decodes a body like value=1&tags=env%3Dprod into m (the URL Standard's
// application/x-www-form-urlencoded, but a bad percent escape is an error).
func (d *Decoder) Form(m *metric.Metric, body []byte) error {
	d.scratch = d.scratch[:0]
	return d.fields(body, func(name, text []byte) error {
		return setText(m, name, text)
	})
}

// Query decodes a query string into m. Its token is left out: that is for
// whoever checks tokens.
func (d *Decoder) Query(m *metric.Metric, query []byte) error {
	d.scratch = d.scratch[:0]
	return d.fields(query, func(name, text []byte) error {
		if string(name) == "token" {
			return nil
		}
		return setText(m, name, text)
	})
}

// QueryToken returns the first token in a query string, nil where it has none
// or only an empty one.
func QueryToken(query []byte) (token []byte) {
	var d Decoder
	for field := range bytes.SplitSeq(query, []byte{'&'}) {
		if text, ok := bytes.CutPrefix(field, []byte("token=")); ok && len(text) > 0 {
			if text, err := d.unescapeField(text); err == nil {
				return text
			}
			return text // no token has a percent sign: it will be refused
		}
	}
	return nil
}

// fields calls f for each name and value of an encoded form, in order, until
// one fails.
func (d *Decoder) fields(form []byte, f func(name, text []byte) error) error {
	for more := len(form) > 0; more; {
		var field []byte
		field, form, more = bytes.Cut(form, []byte{'&'})
		if len(field) == 0 {
			continue
		}
		rawName, rawText, _ := bytes.Cut(field, []byte{'='})
		name, err := d.unescapeField(rawName)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", metric.Quote(rawName), err)
		}
		text, err := d.unescapeField(rawText)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", metric.Quote(name), err)
		}
		if err := f(name, text); err != nil {
			return err
		}
	}
	return nil
}

// unescapeField returns text with plus signs as spaces and percent escapes
// decoded: text itself where there are none, else a part of d.scratch.
func (d *Decoder) unescapeField(text []byte) ([]byte, error) {
	if bytes.IndexByte(text, '%') < 0 && bytes.IndexByte(text, '+') < 0 {
		return text, nil
	}
	start := len(d.scratch)
	var err error
	for more := true; more; {
		var part []byte
		part, text, more = bytes.Cut(text, []byte{'+'})
		if d.scratch, err = AppendUnescaped(d.scratch, part); err != nil {
			return nil, err
		}
		if more {
			d.scratch = append(d.scratch, ' ')
		}
	}
	return d.scratch[start:len(d.scratch):len(d.scratch)], nil
}
