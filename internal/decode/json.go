package decode

import (
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// isJSON reports whether the first character of body, after white space, is a
// brace.
func isJSON(body []byte) bool {
	s := scanner{data: body}
	return s.peek() == '{'
}

// json decodes one object such as {"value": 1, "tags": {"env": "prod"}} into m.
// Beyond the grammar of RFC 8259, it requires valid UTF-8, distinct names, and
// that nothing follows the object.
func (d *Decoder) json(m *metric.Metric, body []byte) error {
	d.scan = scanner{data: body}
	if err := d.object(m); err != nil {
		return err
	}
	return d.scan.end("object")
}

// object decodes the next object. If it returns an error and the JSON is well
// formed, a part of the object is unread.
func (d *Decoder) object(m *metric.Metric) error {
	s := &d.scan
	if err := s.expect('{'); err != nil {
		return err
	}
	for more := !s.consume('}'); more; {
		name, err := d.memberName()
		if err != nil {
			return err
		}
		if err := d.parameter(m, name); err != nil {
			return err
		}
		if more, err = s.next('}'); err != nil {
			return err
		}
	}
	return nil
}

// parameter decodes the next value, which belongs to the parameter name.
func (d *Decoder) parameter(m *metric.Metric, name []byte) error {
	s := &d.scan
	f, ok := d.field(name)
	first := s.peek()
	if first == 'n' { // null counts as absent, but only once
		if _, err := s.literal(); err != nil {
			return err
		}
		if !ok {
			return errUnknown(name)
		}
		return d.markNull(f, name)
	}
	if !ok {
		return errUnknown(name)
	}
	if err := d.markSeen(f, name); err != nil {
		return err
	}
	switch {
	case first == '"':
		text, err := d.text()
		if err != nil {
			return err
		}
		return setText(m, f, text)
	case f < fieldTags && (first == '-' || first-'0' <= 9):
		text, err := s.number()
		*valueOf(m, f) = metric.Value{Text: text, Form: metric.Number}
		return err
	case f == fieldTags && first == '{':
		return d.tagObject(m)
	}
	return d.errType(f, name)
}

// markNull records that the parameter f is null. It is absent unless the query
// string has it, but may not be given twice.
func (d *Decoder) markNull(f field, name []byte) error {
	if d.seen&(1<<f) != 0 {
		return errTwice(name)
	}
	d.seen |= 1 << f
	d.nulls |= 1 << f
	return nil
}

// tagObject decodes an object of tags. Numbers and booleans become text, and null
// becomes an empty value.
func (d *Decoder) tagObject(m *metric.Metric) error {
	s := &d.scan
	s.pos++ // the brace
	for more := !s.consume('}'); more; {
		key, err := d.memberName()
		if err != nil {
			return err
		}
		var value []byte
		first := s.peek()
		switch {
		case first == '"':
			value, err = d.text()
		case first == '{' || first == '[':
			return quote.Error(`parameter "tags": the value of %s is neither text nor a number`, key)
		case first == '-' || first-'0' <= 9:
			value, err = s.number()
		default:
			value, err = s.literal()
		}
		if err != nil {
			return err
		}
		if first == 'n' {
			value = nil
		}
		if err := addTag(m, metric.Tag{Key: key, Value: value}); err != nil {
			return err
		}
		if more, err = s.next('}'); err != nil {
			return err
		}
	}
	return nil
}

// memberName reads the name of a member of an object and the colon after it.
func (d *Decoder) memberName() ([]byte, error) {
	name, err := d.text()
	if err != nil {
		return nil, err
	}
	return name, d.scan.expect(':')
}

// text reads a string and returns its contents: a part of the body, or a part of
// d.scratch if the string has escapes.
func (d *Decoder) text() ([]byte, error) {
	raw, isEscaped, err := d.scan.string()
	if err != nil || !isEscaped {
		return raw, err
	}
	start := len(d.scratch)
	d.scratch = appendUnquoted(d.scratch, raw)
	return d.scratch[start:len(d.scratch):len(d.scratch)], nil
}

// errType returns the error for the next value, whose type is wrong for the
// parameter f.
func (d *Decoder) errType(f field, name []byte) error {
	if err := d.scan.skip(0); err != nil {
		return err // it is not a value at all
	}
	types := "a number or a string"
	switch f {
	case fieldTags:
		types = "a string or an object"
	case fieldName, fieldKind:
		types = "a string"
	}
	return quote.Error("parameter %s is not "+types, name)
}
