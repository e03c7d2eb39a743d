package metric

import (
	"bytes"
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// appendTags writes tags in the order given, then those of the configuration
// whose keys they do not have.
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
		if !bytes.Contains(own, tag.mark) {
			dst = append(dst, tag.mark...)
			dst = append(dst, tag.value...)
		}
	}
	if len(dst) == start || e.format.dropped {
		return dst[:start], nil
	}
	dst[start] = e.format.opens
	if e.format.closes != 0 {
		dst = append(dst, e.format.closes)
	}
	return dst, nil
}

// appendTag writes one tag behind those that dst holds from start on.
func (e *Encoder) appendTag(dst []byte, start int, tag *Tag) ([]byte, error) {
	switch {
	case len(tag.Key) == 0:
		return nil, fmt.Errorf(`parameter "tags": the value %s has no key`, quote.Bytes(tag.Value))
	case len(tag.Value) == 0:
		return nil, fmt.Errorf(`parameter "tags": the key %s has no value`, quote.Bytes(tag.Key))
	case len(dst)-start+len(tag.Key)+len(tag.Value) > e.maxLine:
		return nil, e.errTooLong() // now, so that no input makes dst grow
	case e.format.noTildeFirst && tag.Value[0] == '~':
		return nil, fmt.Errorf(`parameter "tags": the value %s starts with a tilde, which Graphite refuses`, quote.Bytes(tag.Value))
	}
	before := len(dst)
	dst = append(dst, e.format.separates)
	dst, err := e.keys.append(dst, tag.Key)
	if err != nil {
		return nil, fmt.Errorf(`parameter "tags": the key %s %w`, quote.Bytes(tag.Key), err)
	}
	dst = append(dst, e.format.joins)
	// Between these two a key cannot be mistaken for a part of another one, nor
	// for a value: no tag holds either.
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
	mark  []byte // how its key stands among others: ",env="
	value []byte
}

// configureTags checks and stores the tags that every metric gets.
func (e *Encoder) configureTags(tags []Tag) error {
	var written []byte
	var err error
	for i := range tags {
		before := len(written)
		if written, err = e.appendTag(written, 0, &tags[i]); err != nil {
			return err
		}
		tag := written[before:]
		value := bytes.IndexByte(tag, e.format.joins) + 1
		e.tags = append(e.tags, configuredTag{mark: tag[:value], value: tag[value:]})
	}
	return nil
}
