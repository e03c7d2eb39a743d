package metric

import (
	"bytes"
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// appendTags appends tags in their order, and then the configured tags with
// other keys.
func (e *Encoder) appendTags(dst []byte, tags []Tag) ([]byte, error) {
	start := len(dst)
	var err error
	for i := range tags {
		if dst, err = e.appendTag(dst, start, &tags[i]); err != nil {
			return nil, err
		}
	}
	own := dst[start:]
	for _, tag := range e.tags {
		if !bytes.Contains(own, tag.key) {
			dst = append(dst, tag.key...)
			dst = append(dst, tag.value...)
		}
	}
	if len(dst) == start || e.format.isDropped {
		return dst[:start], nil
	}
	dst[start] = e.format.opener
	if e.format.closer != 0 {
		dst = append(dst, e.format.closer)
	}
	return dst, nil
}

// appendTagsAtEnd appends a pipe and the tags. Without tags it appends nothing.
func (e *Encoder) appendTagsAtEnd(dst []byte, tags []Tag) ([]byte, error) {
	pipe := len(dst)
	dst, err := e.appendTags(append(dst, '|'), tags)
	if err == nil && len(dst) == pipe+1 {
		dst = dst[:pipe]
	}
	return dst, err
}

// appendTag appends one tag after the tags in dst[start:].
func (e *Encoder) appendTag(dst []byte, start int, tag *Tag) ([]byte, error) {
	switch {
	case len(tag.Key) == 0:
		return nil, fmt.Errorf(`parameter "tags": the value %s has no key`, quote.Bytes(tag.Value))
	case len(tag.Value) == 0:
		return nil, fmt.Errorf(`parameter "tags": the key %s has no value`, quote.Bytes(tag.Key))
	case len(dst)-start+len(tag.Key)+len(tag.Value) > e.maxLine:
		return nil, e.errTooLong() // before dst grows
	case e.format.noLeadingTilde && tag.Value[0] == '~':
		return nil, fmt.Errorf(`parameter "tags": the value %s starts with a tilde, which Graphite refuses`, quote.Bytes(tag.Value))
	}
	before := len(dst)
	dst = append(dst, e.format.separator)
	dst, err := e.keys.append(dst, tag.Key)
	if err != nil {
		return nil, fmt.Errorf(`parameter "tags": the key %s %w`, quote.Bytes(tag.Key), err)
	}
	dst = append(dst, e.format.joiner)
	// No key or value contains the separator or the joiner, so a match between
	// them is a whole key.
	if before > start && bytes.Contains(dst[start:before], dst[before:]) {
		return nil, fmt.Errorf(`parameter "tags": the key %s is given twice`, quote.Bytes(tag.Key))
	}
	if dst, err = e.values.append(dst, tag.Value); err != nil {
		return nil, fmt.Errorf(`parameter "tags": the value %s %w`, quote.Bytes(tag.Value), err)
	}
	return dst, nil
}

// configuredTag is a tag that every metric gets.
type configuredTag struct {
	key   []byte // with the separator and the joiner around it: ",env="
	value []byte
}

// setTags checks and stores the tags that every metric gets.
func (e *Encoder) setTags(tags []Tag) error {
	var written []byte
	var err error
	for i := range tags {
		before := len(written)
		if written, err = e.appendTag(written, 0, &tags[i]); err != nil {
			return err
		}
		tag := written[before:]
		value := bytes.IndexByte(tag, e.format.joiner) + 1
		e.tags = append(e.tags, configuredTag{key: tag[:value], value: tag[value:]})
	}
	return nil
}
