package decode

import (
	"fmt"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// IsJSON tells whether body is taken for a JSON object, whatever its content
// type says: it starts with a brace, white space aside.
func IsJSON(body []byte) bool {
	s := scanner{data: body}
	return s.peek() == '{'
}

// JSON decodes one object like {"value": 1, "tags": {"env": "prod"}} into m.
// Besides the grammar of RFC 8259 it wants valid UTF-8, each name once and
// nothing behind the object.
func (d *Decoder) JSON(m *metric.Metric, body []byte, want Want) error {
	d.scan = scanner{data: body}
	if err := d.object(m, want); err != nil {
		return err
	}
	return d.scan.end("object")
}

// object decodes the object that is next. Where it fails without the JSON
// being broken, the rest of the object is still unread.
func (d *Decoder) object(m *metric.Metric, want Want) error {
	d.begin(want)
	s := &d.scan
	if err := s.expect('{'); err != nil {
		return err
	}
	for more := !s.take('}'); more; {
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
	return d.end()
}

// parameter reads the value of the parameter name, which is next.
func (d *Decoder) parameter(m *metric.Metric, name []byte) error {
	s := &d.scan
	f, ok := d.field(name)
	kind := s.peek()
	if kind == 'n' { // null counts as absent, but once
		if _, err := s.literal(); err != nil || !ok {
			return err
		}
		if err := d.mark(f, name); err != nil {
			return err
		}
		if f >= fieldName {
			d.seen &^= 1 << f // so that end misses it
		}
		return nil
	}
	if !ok {
		return errUnknown(name)
	}
	if err := d.mark(f, name); err != nil {
		return err
	}
	switch {
	case kind == '"':
		text, err := d.text()
		if err != nil {
			return err
		}
		return setText(m, f, text)
	case f < fieldTags && (kind == '-' || kind-'0' <= 9):
		text, err := s.number()
		*valueOf(m, f) = metric.Value{Text: text, Form: metric.Number}
		return err
	case f == fieldTags && kind == '{':
		return d.tags(m)
	}
	return d.wrongType(f, name)
}

// tags reads an object of tags. Numbers and booleans stand for their text, a
// null for no tag.
func (d *Decoder) tags(m *metric.Metric) error {
	s := &d.scan
	s.pos++ // the brace
	for more := !s.take('}'); more; {
		key, err := d.memberName()
		if err != nil {
			return err
		}
		var value []byte
		kind := s.peek()
		switch {
		case kind == '"':
			value, err = d.text()
		case kind == '{' || kind == '[':
			return fmt.Errorf(`parameter "tags": the value of %s is neither text nor a number`, quote.Bytes(key))
		case kind == '-' || kind-'0' <= 9:
			value, err = s.number()
		default:
			value, err = s.literal()
		}
		if err != nil {
			return err
		}
		if kind != 'n' {
			if err := addTag(m, key, value); err != nil {
				return err
			}
		}
		if more, err = s.next('}'); err != nil {
			return err
		}
	}
	return nil
}

// memberName reads the name of an object's member and the colon behind it.
func (d *Decoder) memberName() ([]byte, error) {
	name, err := d.text()
	if err != nil {
		return nil, err
	}
	return name, d.scan.expect(':')
}

// text reads a string and returns what it says: a part of the body, or of
// d.scratch where it had to be unescaped.
func (d *Decoder) text() ([]byte, error) {
	raw, escaped, err := d.scan.string()
	if err != nil || !escaped {
		return raw, err
	}
	start := len(d.scratch)
	d.scratch = appendUnquoted(d.scratch, raw)
	return d.scratch[start:len(d.scratch):len(d.scratch)], nil
}

// wrongType says of what type the parameter name, whose value is next, has to
// be.
func (d *Decoder) wrongType(f field, name []byte) error {
	if err := d.scan.skip(0); err != nil {
		return err // it is no value at all
	}
	want := "a number or a string"
	switch f {
	case fieldTags:
		want = "a string or an object"
	case fieldName, fieldKind:
		want = "a string"
	}
	return fmt.Errorf("parameter %s is not %s", quote.Bytes(name), want)
}
