package decode

import (
	"bytes"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// form decodes a body such as value=1&tags=env%3Dprod into m. The format is the
// URL Standard's application/x-www-form-urlencoded, except that a bad percent
// escape is an error. Line breaks at the end do not count.
func (d *Decoder) form(m *metric.Metric, body []byte) error {
	for n := len(body); n > 0 && (body[n-1] == '\n' || body[n-1] == '\r'); n-- {
		body = body[:n-1]
	}
	return d.pairs(m, body, false)
}

// pairs decodes the name=value pairs of an encoded form or, if isQuery is true, of a query
// string.
func (d *Decoder) pairs(m *metric.Metric, form []byte, isQuery bool) error {
	for more := len(form) > 0; more; {
		var pair []byte
		pair, form, more = bytes.Cut(form, []byte{'&'})
		if len(pair) == 0 {
			continue
		}
		rawName, rawText, _ := bytes.Cut(pair, []byte{'='})
		name, err := d.unescapeField(rawName)
		if err != nil {
			return quote.Wrap("parameter %s: %w", rawName, err)
		}
		if isQuery && string(name) == "token" {
			continue
		}
		text, err := d.unescapeField(rawText)
		if err != nil {
			return quote.Wrap("parameter %s: %w", name, err)
		}
		if err := d.textParameter(m, name, text); err != nil {
			return err
		}
	}
	return nil
}

// textParameter sets the parameter name of a form to text.
func (d *Decoder) textParameter(m *metric.Metric, name, text []byte) error {
	f, ok := d.field(name)
	if !ok {
		if key, ok := tagKey(name); ok {
			return addTag(m, metric.Tag{Key: key, Value: metric.TrimBlanks(text)})
		}
		return errUnknown(name)
	}
	if err := d.markSeen(f, name); err != nil {
		return err
	}
	return setText(m, f, text)
}

// tagKey returns the key in a parameter name such as tags[env].
func tagKey(name []byte) (key []byte, ok bool) {
	key, isTag := bytes.CutPrefix(name, []byte("tags["))
	key, isClosed := bytes.CutSuffix(key, []byte{']'})
	return metric.TrimBlanks(key), isTag && isClosed && bytes.IndexByte(key, '[') < 0 && bytes.IndexByte(key, ']') < 0
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
