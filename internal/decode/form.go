package decode

import (
	"bytes"
	"fmt"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// Form decodes a body such as value=1&tags=env%3Dprod into m. The format is the
// URL Standard's application/x-www-form-urlencoded, except that a bad percent
// escape is an error.
func (d *Decoder) Form(m *metric.Metric, body []byte, params Params) error {
	return d.fields(m, body, params, false)
}

// fields decodes the parameters of an encoded form or, if isQuery is true, of a
// query string.
func (d *Decoder) fields(m *metric.Metric, form []byte, params Params, isQuery bool) error {
	d.begin(params)
	for more := len(form) > 0; more; {
		var pair []byte
		pair, form, more = bytes.Cut(form, []byte{'&'})
		if len(pair) == 0 {
			continue
		}
		rawName, rawText, _ := bytes.Cut(pair, []byte{'='})
		name, err := d.unescapeField(rawName)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", quote.Bytes(rawName), err)
		}
		if isQuery && string(name) == "token" {
			continue
		}
		text, err := d.unescapeField(rawText)
		if err != nil {
			return fmt.Errorf("parameter %s: %w", quote.Bytes(name), err)
		}
		if err := d.textParameter(m, name, text); err != nil {
			return err
		}
	}
	return d.end()
}

// textParameter sets the parameter name of a form to text.
func (d *Decoder) textParameter(m *metric.Metric, name, text []byte) error {
	f, ok := d.field(name)
	if !ok {
		return errUnknown(name)
	}
	if err := d.markSeen(f, name); err != nil {
		return err
	}
	return setText(m, f, text)
}

// unescapeField decodes the percent escapes of text and replaces plus signs by
// spaces. It returns text itself if there are none, else a part of d.scratch.
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
