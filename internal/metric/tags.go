package metric

import (
	"bytes"
	"fmt"
)

// appendTags writes the tags of m in InfluxDB's form, in the order given:
//
//	name,env=prod,locale=en-us
//	    ^^^^^^^^^^^^^^^^^^^^^^
func (e *Encoder) appendTags(dst []byte, m *Metric) ([]byte, error) {
	start := len(dst)
	var err error
	// Blanks around the separators are no part of a key or value.
	rest := trimBlanks(m.Tags.Text)
	for more := len(rest) > 0; more; {
		var text []byte
		text, rest, more = bytes.Cut(rest, []byte{','})
		key, value, ok := bytes.Cut(text, []byte{'='})
		if !ok {
			return nil, fmt.Errorf(`parameter "tags": %s is not a key=value pair`, Quote(text))
		}
		if dst, err = e.appendTag(dst, start, trimBlanks(key), trimBlanks(value)); err != nil {
			return nil, err
		}
	}
	for _, tag := range m.TagPairs {
		if dst, err = e.appendTag(dst, start, tag.Key, tag.Value); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

// appendTag writes one tag behind those that dst holds from start on.
func (e *Encoder) appendTag(dst []byte, start int, key, value []byte) ([]byte, error) {
	switch {
	case len(key) == 0:
		return nil, fmt.Errorf(`parameter "tags": the value %s has no key`, Quote(value))
	case len(value) == 0:
		return nil, fmt.Errorf(`parameter "tags": the key %s has no value`, Quote(key))
	case len(dst)-start+len(key)+len(value) > e.maxLine:
		return nil, e.errTooLong() // now, so that no input makes dst grow
	}
	before := len(dst)
	dst = append(dst, ',')
	dst, err := appendText(dst, key)
	if err != nil {
		return nil, fmt.Errorf(`parameter "tags": the key %s %w`, Quote(key), err)
	}
	dst = append(dst, '=')
	// With its comma and equals sign a key cannot be mistaken for a part of
	// another one, nor for a value: no tag holds either.
	if bytes.Contains(dst[start:before], dst[before:]) {
		return nil, fmt.Errorf(`parameter "tags": the key %s is given twice`, Quote(key))
	}
	if dst, err = appendText(dst, value); err != nil {
		return nil, fmt.Errorf(`parameter "tags": the value %s %w`, Quote(value), err)
	}
	return dst, nil
}
