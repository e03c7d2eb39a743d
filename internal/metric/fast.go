package metric

import (
	"bytes"
	"math"
)

// fastPath says which lines of a batch are already in their final form.
type fastPath struct {
	places    [256]byte // the places where each byte is written unchanged
	isEnabled bool
	hasTags   bool // lines with tags can be in their final form, too
}

// The bits of fastPath.places.
const (
	inName = 1 << iota
	inKey
	inTagValue
)

// setFastPath derives e.fast from the other fields of e.
func (e *Encoder) setFastPath() {
	for i := range e.fast.places {
		b := byte(i)
		if e.names.written[b] == b && b != 0 && b != '/' {
			e.fast.places[b] |= inName
		}
		if e.keys.written[b] == b && b != 0 {
			e.fast.places[b] |= inKey
		}
		if e.values.written[b] == b && b != 0 {
			e.fast.places[b] |= inTagValue
		}
	}
	e.fast.isEnabled = len(e.tags) == 0 || e.format.isDropped
	e.fast.hasTags = e.format.name == "influxdb"
}

// AppendFast appends the first line of text to l if the line is already in its
// final form, except for prefixes and the order of its tags. It returns the length of the line with its
// line feed. It is the fast path for typical lines of a batch:
//
//	name,env=prod,locale=en-us:1|c|@0.5
//
// The result is the same as that of decoding the line and calling Append. For
// all other lines, valid or not, AppendFast appends nothing and returns the
// length 0.
func (e *Encoder) AppendFast(l *Lines, text []byte, scope *Scope) (_ Written, length int) {
	nameEnd, colon, isSorted := e.scanHead(text, scope)
	if nameEnd == 0 {
		return Written{}, 0
	}
	kind, end := e.scanTail(text, colon)
	if end == 0 {
		return Written{}, 0
	}
	dst := l.Bytes
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	start := len(dst)
	dst = append(dst, e.prefix...)
	if scope != nil && len(scope.Prefix) > 0 {
		var err error
		if dst, err = e.appendPrefix(dst, scope.Prefix); err != nil {
			return Written{}, 0
		}
	}
	prefixEnd := len(dst)
	if isSorted {
		dst = append(dst, text[:end]...)
	} else {
		dst = append(dst, text[:nameEnd]...)
		if dst = appendInOrder(dst, text[nameEnd:colon]); dst == nil {
			return Written{}, 0
		}
		dst = append(dst, text[colon:end]...)
	}
	nameEnd += prefixEnd
	name := dst[start:nameEnd]
	if len(name) > MaxName || len(dst)-start > e.maxLine || e.mayBeReserved(name) && e.checkReservedName(kind, name) != nil ||
		(scope != nil || e.hasPatterns) && e.checkAllowed(kind, dst[prefixEnd:nameEnd], scope) != nil {
		return Written{}, 0
	}
	l.Bytes, l.Ends = dst, append(l.Ends, len(dst))
	repeats := 0.0
	if e.repeats.Has(kind) {
		repeats = countRepeats(text[:end])
	}
	return Written{Kind: kind, Rate: 1, Name: dst[start : prefixEnd+colon], Repeats: repeats, nameEnd: len(name)}, min(end+len("\n"), len(text))
}

// scanHead returns the end of the name, the position of the colon after the tags,
// and whether the keys of the tags are in strictly ascending order. nameEnd is 0 if
// the head of the line is not in its final form.
func (e *Encoder) scanHead(text []byte, scope *Scope) (nameEnd, colon int, isSorted bool) {
	if !e.fast.isEnabled {
		return 0, 0, false
	}
	places := &e.fast.places
	i := 0
	for i < len(text) && places[text[i]]&inName != 0 {
		i++
	}
	nameEnd = i
	if nameEnd == 0 || nameEnd == len(text) || text[0] == '.' {
		return 0, 0, false
	}
	if text[i] == ':' {
		return nameEnd, i, true
	}
	if !e.fast.hasTags || text[i] != ',' {
		return 0, 0, false
	}
	isSorted = true
	var last []byte // the key of the tag before
	for text[i] == ',' {
		start := i + 1
		for i = start; i < len(text) && places[text[i]]&inKey != 0; i++ {
		}
		if i == start || i == len(text) || text[i] != '=' {
			return 0, 0, false
		}
		key := text[start:i]
		if len(last) > 0 && last[0] >= key[0] && bytes.Compare(last, key) >= 0 {
			isSorted = false
		}
		if (scope != nil || e.needsKeyCheck(key)) && e.checkKey(key, scope) != nil {
			return 0, 0, false
		}
		last = key
		value := i + 1
		for i = value; i < len(text) && places[text[i]]&inTagValue != 0; i++ {
		}
		if i == value || i == len(text) {
			return 0, 0, false
		}
	}
	if text[i] != ':' {
		return 0, 0, false
	}
	return nameEnd, i, isSorted
}

// maxFastTags is the maximum number of tags that appendInOrder sorts.
const maxFastTags = 8

// appendInOrder appends tags such as ,env=prod,app=web in the order of their keys.
// It returns nil if two keys are the same or if there are too many tags.
func appendInOrder(dst, tags []byte) []byte {
	var sorted [maxFastTags]struct{ key, tag []byte }
	n := 0
	for len(tags) > 0 {
		if n == maxFastTags {
			return nil
		}
		tag := tags
		if i := bytes.IndexByte(tags[1:], ','); i >= 0 {
			tag = tags[:i+1]
		}
		tags = tags[len(tag):]
		key := tag[1:bytes.IndexByte(tag, '=')]
		i := n
		for ; i > 0; i-- {
			order := bytes.Compare(sorted[i-1].key, key)
			if order == 0 {
				return nil
			}
			if order < 0 {
				break
			}
			sorted[i] = sorted[i-1]
		}
		sorted[i].key, sorted[i].tag = key, tag
		n++
	}
	for i := range sorted[:n] {
		dst = append(dst, sorted[i].tag...)
	}
	return dst
}

// scanTail returns the kind and the end of a line whose value begins after the
// colon. end is 0 if the tail of the line is not in its final form, and for a gauge
// of 0: it may be the first half of a negative gauge.
func (e *Encoder) scanTail(text []byte, colon int) (kind Kind, end int) {
	i := colon + 1
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	if i == len(text) || text[i] != '|' || !isShortInteger(text[colon+1:i]) {
		return 0, 0
	}
	letters := i + 1
	for i = letters; i < len(text) && 'a' <= text[i] && text[i] <= 'z'; i++ {
	}
	kind, ok := ParseLetters(text[letters:i])
	if !ok || !e.kinds.Has(kind) || kind == Gauge && text[colon+1] == '0' {
		return 0, 0
	}
	if i < len(text) && text[i] == '|' && kinds[kind].hasRate {
		i += scanRate(text[i:])
	}
	if i < len(text) && text[i] != '\n' {
		return 0, 0
	}
	return kind, i
}

// scanRate returns the length of the sample rate at the beginning of text if it is
// in its final form, from 0.0001 (minRate) to 0.9999.
//
//	|@0.25
func scanRate(text []byte) (length int) {
	const begin, maxDigits = "|@0.", len("0001")
	if len(text) < len(begin) || string(text[:len(begin)]) != begin {
		return 0
	}
	i := len(begin)
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	if digits := i - len(begin); digits == 0 || digits > maxDigits || text[i-1] == '0' {
		return 0
	}
	return i
}

// countRepeats returns 1/rate of a line in its final form.
func countRepeats(line []byte) float64 {
	point := len(line) - 1
	for line[point]-'0' <= 9 {
		point--
	}
	if line[point] != '.' {
		return 1 // there is no rate
	}
	digits := 0
	for _, b := range line[point+1:] {
		digits = digits*10 + int(b-'0')
	}
	return 1 / (float64(digits) * math.Pow10(point+1-len(line)))
}
