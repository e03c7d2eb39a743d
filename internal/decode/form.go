package decode

import (
	"bytes"
	"fmt"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// Form decodes a body like value=1&tags=env%3Dprod into m (the URL Standard's
// application/x-www-form-urlencoded, but a bad percent escape is an error).
func (d *Decoder) Form(m *metric.Metric, body []byte, want Want) error {
	return d.fields(m, body, want, false)
}

// Query decodes a query string into m. Its token is left out: that is for
// whoever checks tokens.
func (d *Decoder) Query(m *metric.Metric, query []byte, want Want) error {
	return d.fields(m, query, want, true)
}

// fields reads the parameters of an encoded form.
func (d *Decoder) fields(m *metric.Metric, form []byte, want Want, isQuery bool) error {
	d.begin(want)
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

// textParameter sets the parameter name of a form.
func (d *Decoder) textParameter(m *metric.Metric, name, text []byte) error {
	f, ok := d.field(name)
	if !ok {
		return errUnknown(name)
	}
	if err := d.mark(f, name); err != nil {
		return err
	}
	return setText(m, f, text)
}

// QueryToken returns the first token in a query string, nil where it has none
// or only an empty one.
func QueryToken(query []byte) (token []byte) {
	var d Decoder
	for pair := range bytes.SplitSeq(query, []byte{'&'}) {
		rawName, rawText, _ := bytes.Cut(pair, []byte{'='})
		if name, err := d.unescapeField(rawName); err != nil || string(name) != "token" || len(rawText) == 0 {
			continue
		}
		if text, err := d.unescapeField(rawText); err == nil {
			return text
		}
		return rawText // no token has a percent sign: it will be refused
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
