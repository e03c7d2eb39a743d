package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"statsd-http-proxy/internal/metric"
)

// JSON decodes one object like {"value": 1, "tags": {"env": "prod"}} into m.
// Besides the grammar of RFC 8259 it wants valid UTF-8, each name once and
// nothing behind the object.
func (d *Decoder) JSON(m *metric.Metric, body []byte) error {
	d.scratch = d.scratch[:0]
	d.buffer = *bytes.NewBuffer(body)
	d.json.Reset(&d.buffer)

	if _, err := d.json.ReadToken(); err != nil { // the brace
		return d.jsonError(err)
	}
	for d.json.PeekKind() == '"' {
		name, err := d.text(body)
		if err != nil {
			return err
		}
		if err := d.parameter(m, name, body); err != nil {
			return err
		}
	}
	if _, err := d.json.ReadToken(); err != nil { // the closing brace
		return d.jsonError(err)
	}
	switch _, err := d.json.ReadToken(); err {
	case io.EOF:
		return nil
	default:
		return fmt.Errorf("malformed JSON: something follows the object at byte %d", d.json.InputOffset())
	}
}

// parameter reads the value of the parameter name, the next in the JSON.
func (d *Decoder) parameter(m *metric.Metric, name, body []byte) error {
	kind := d.json.PeekKind()
	v := valueOf(m, name)
	switch {
	case kind == 'n': // null counts as absent
		_, err := d.value(body)
		return err
	case v != nil && kind == '0':
		text, err := d.value(body)
		*v = metric.Value{Text: text, Form: metric.Number}
		return err
	case v != nil && kind == '"':
		text, err := d.text(body)
		*v = metric.Value{Text: text, Form: metric.String}
		return err
	case v != nil:
		return d.wrongType(kind, name, "a number or a string", body)
	case string(name) != "tags":
		return errUnknown(name)
	case kind == '"':
		text, err := d.text(body)
		m.Tags = metric.Value{Text: text, Form: metric.String}
		return err
	case kind == '{':
		return d.tags(m, body)
	default:
		return d.wrongType(kind, name, "a string or an object", body)
	}
}

// tags reads an object of tags. Numbers and booleans stand for their text, a
// null for no tag.
func (d *Decoder) tags(m *metric.Metric, body []byte) error {
	if _, err := d.json.ReadToken(); err != nil { // the brace
		return d.jsonError(err)
	}
	for d.json.PeekKind() == '"' {
		key, err := d.text(body)
		if err != nil {
			return err
		}
		var value []byte
		kind := d.json.PeekKind()
		switch kind {
		case '"':
			value, err = d.text(body)
		case '{', '[':
			return fmt.Errorf(`parameter "tags": the value of %s is neither text nor a number`, metric.Quote(key))
		default:
			value, err = d.value(body)
		}
		if err != nil {
			return err
		}
		if kind == 'n' {
			continue
		}
		m.TagPairs = append(m.TagPairs, metric.Tag{Key: key, Value: value})
	}
	if _, err := d.json.ReadToken(); err != nil { // the closing brace
		return d.jsonError(err)
	}
	return nil
}

// value reads the next value and returns its place in body. (The decoder's
// own slice would be gone with its next call.)
func (d *Decoder) value(body []byte) ([]byte, error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return nil, d.jsonError(err)
	}
	end := int(d.json.InputOffset())
	return body[end-len(raw) : end : end], nil
}

// text reads the next value, a string, and returns what it says.
func (d *Decoder) text(body []byte) ([]byte, error) {
	raw, err := d.value(body)
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	start := len(d.scratch)
	if d.scratch, err = jsontext.AppendUnquote(d.scratch, raw); err != nil {
		return nil, d.jsonError(err)
	}
	return d.scratch[start:len(d.scratch):len(d.scratch)], nil
}

// wrongType says that the parameter name, whose value is next, has to be want.
func (d *Decoder) wrongType(kind jsontext.Kind, name []byte, want string, body []byte) error {
	if kind == jsontext.KindInvalid {
		_, err := d.value(body)
		return err
	}
	return fmt.Errorf("parameter %s is not %s", metric.Quote(name), want)
}

// jsonError says in a sentence of ours what the JSON library found.
func (d *Decoder) jsonError(err error) error {
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errors.New("malformed JSON: it breaks off")
	case !errors.As(err, &syntactic):
		return fmt.Errorf("malformed JSON: %w", err)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("parameter %s is given twice", metric.Quote([]byte(syntactic.JSONPointer.LastToken())))
	default:
		return fmt.Errorf("malformed JSON at byte %d: %s", syntactic.ByteOffset, metric.Cut(syntactic.Err.Error()))
	}
}
