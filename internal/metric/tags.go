package metric

import (
	"bytes"
	"errors"
	"slices"

	"statsd-http-proxy/internal/quote"
)

// appendTags appends tags and the configured tags with other keys, in the byte
// order of the written keys. It sorts tags.
func (e *Encoder) appendTags(dst []byte, s *spans, tags []Tag, scope *Scope) ([]byte, error) {
	if len(tags) == 0 && len(e.tags) == 0 {
		return dst, nil
	}
	start, added := len(dst), s.added
	dst, err := e.appendSorted(dst, s, tags, scope)
	if err == errUnsorted {
		slices.SortFunc(tags, func(a, b Tag) int { return e.keys.compare(a.Key, b.Key) })
		s.added = added
		dst, err = e.appendSorted(dst[:start], s, tags, scope)
	}
	switch {
	case err == errUnsorted:
		return nil, e.errTwice(tags)
	case err != nil:
		return nil, err
	case len(dst) == start || e.format.isDropped:
		return dst[:start], nil
	}
	dst[start] = e.format.opener
	if e.format.closer != 0 {
		dst = append(dst, e.format.closer)
	}
	return dst, nil
}

// errUnsorted says that tags are not in the strictly ascending order of their
// keys.
var errUnsorted = errors.New("the tags are not sorted")

// errTwice returns the error for sorted tags, two of which have the same key.
func (e *Encoder) errTwice(tags []Tag) error {
	i := 1
	for i < len(tags)-1 && e.keys.compare(tags[i-1].Key, tags[i].Key) != 0 {
		i++
	}
	return quote.Error(`parameter "tags": the key %s is given twice`, tags[i].Key)
}

// appendSorted is appendTags for sorted tags. It returns dst with errUnsorted if
// they are not sorted.
func (e *Encoder) appendSorted(dst []byte, s *spans, tags []Tag, scope *Scope) ([]byte, error) {
	start, configured := len(dst), e.tags
	for i := range tags {
		tag, tagStart := &tags[i], len(dst)
		if len(dst)-start+len(tag.Key)+len(tag.Value) > e.maxLine {
			return nil, e.errTooLong() // before dst grows
		}
		var keyEnd int
		var err error
		if dst, keyEnd, err = e.appendTag(dst, tag); err != nil {
			return nil, err
		}
		if i > 0 && !e.keys.startsBefore(tags[i-1].Key, tag.Key) && e.keys.compare(tags[i-1].Key, tag.Key) >= 0 {
			return dst, errUnsorted
		}
		if len(tag.Value) == 0 {
			dst = dst[:tagStart]
			continue
		}
		key := dst[tagStart+1 : keyEnd]
		if scope != nil || e.needsKeyCheck(key) {
			if err := e.checkKey(key, scope); err != nil {
				return nil, err
			}
		}
		if len(configured) > 0 {
			dst, configured = s.mergeTags(dst, tagStart, key, configured)
		}
	}
	for _, tag := range configured {
		dst = append(dst, tag.text...)
		s.added += len(tag.text)
	}
	return dst, nil
}

// mergeTags inserts the configured tags with smaller keys than key before the last
// tag of dst, which starts at tagStart and has that key. It returns the configured
// tags with larger keys.
func (s *spans) mergeTags(dst []byte, tagStart int, key []byte, configured []configuredTag) ([]byte, []configuredTag) {
	n, size := 0, 0
	for n < len(configured) && bytes.Compare(configured[n].key, key) < 0 {
		size += len(configured[n].text)
		n++
	}
	rest := configured[n:]
	if len(rest) > 0 && bytes.Equal(rest[0].key, key) {
		rest = rest[1:]
	}
	end := len(dst)
	for _, tag := range configured[:n] {
		dst = append(dst, tag.text...)
	}
	s.added += size
	return moveTo(dst, tagStart, end), rest
}

// appendTagsAtEnd appends a pipe and the tags. Without tags it appends nothing.
func (e *Encoder) appendTagsAtEnd(dst []byte, s *spans, tags []Tag, scope *Scope) ([]byte, error) {
	pipe := len(dst)
	dst, err := e.appendTags(append(dst, '|'), s, tags, scope)
	if err == nil && len(dst) == pipe+1 {
		dst = dst[:pipe]
	}
	return dst, err
}

// appendTag appends one tag with a separator before it. It returns the end of the
// key.
func (e *Encoder) appendTag(dst []byte, tag *Tag) (_ []byte, keyEnd int, err error) {
	switch {
	case len(tag.Key) == 0:
		return nil, 0, quote.Error(`parameter "tags": the value %s has no key`, tag.Value)
	case e.format.noLeadingTilde && len(tag.Value) > 0 && tag.Value[0] == '~':
		return nil, 0, quote.Error(`parameter "tags": the value %s starts with a tilde, which Graphite rejects`, tag.Value)
	}
	dst = append(dst, e.format.separator)
	if dst, err = e.keys.append(dst, tag.Key); err != nil {
		return nil, 0, quote.Wrap(`parameter "tags": the key %s %w`, tag.Key, err)
	}
	keyEnd = len(dst)
	if e.format.hasBare && tag.IsBare() {
		return dst, keyEnd, nil
	}
	dst = append(dst, e.format.joiner)
	if dst, err = e.values.append(dst, tag.Value); err != nil {
		return nil, 0, quote.Wrap(`parameter "tags": the value %s %w`, tag.Value, err)
	}
	return dst, keyEnd, nil
}

// configuredTag is a tag that every metric gets, in the form in which it is
// written.
type configuredTag struct {
	key  []byte
	text []byte // the separator, the key, the joiner and the value
}

// setTags checks and stores the tags that every metric gets.
func (e *Encoder) setTags(tags []Tag) error {
	for i := range tags {
		text, keyEnd, err := e.appendTag(nil, &tags[i])
		if err != nil {
			return err
		}
		if len(tags[i].Value) == 0 {
			return quote.Error("the key %s has no value", tags[i].Key)
		}
		tag := configuredTag{key: text[1:keyEnd], text: text}
		if startsWithUnderscores(tag.key) || slices.Contains(e.listReservedKeys(false), string(tag.key)) {
			return errReservedKey(tag.key)
		}
		at, isTwice := slices.BinarySearchFunc(e.tags, tag.key, func(t configuredTag, key []byte) int { return bytes.Compare(t.key, key) })
		if isTwice {
			return quote.Error("the key %s is given twice", tags[i].Key)
		}
		e.tags = slices.Insert(e.tags, at, tag)
	}
	return nil
}

// TagKeys returns an iterator over the keys of the tags in w, as they are written. The
// keys are valid as long as w.Name and w.Tags.
func (e *Encoder) TagKeys(w *Written) TagKeyIterator {
	text := w.Name[w.nameEnd:]
	if e.format.atEnd {
		text = bytes.TrimPrefix(w.Tags, []byte{'|'})
	}
	if len(text) > 0 {
		text = text[1:] // the opener
	}
	return TagKeyIterator{text: text, format: e.format}
}

// TagKeyIterator iterates over the keys of written tags.
type TagKeyIterator struct {
	text   []byte // the remaining tags
	format *tagFormat
}

// Rest returns the text of the tags whose keys Next has not returned yet.
func (k *TagKeyIterator) Rest() []byte { return k.text }

// Next returns the next key. It returns false at the end.
func (k *TagKeyIterator) Next() (key []byte, ok bool) {
	if len(k.text) == 0 {
		return nil, false
	}
	key = k.text
	if end := bytes.IndexByte(key, k.format.separator); end >= 0 {
		key, k.text = key[:end], key[end+1:]
	} else {
		k.text = nil
	}
	if end := bytes.IndexByte(key, k.format.joiner); end >= 0 {
		key = key[:end]
	}
	return key, true
}
