package metric

import (
	"bytes"
	"math"
)

// fastPath says which lines of a batch are already in their final form.
type fastPath struct {
	places    [256]byte // in which parts of a line each byte is written unchanged
	isEnabled bool
	hasTags   bool // lines with tags can be in their final form, too
}

// The parts of a line, for fastPath.places.
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
// final form, except for prefixes. It returns the length of the line with its
// line feed. It is the fast path for typical lines of a batch:
//
//	name,env=prod,locale=en-us:1|c|@0.5
//
// The result is the same as that of decoding the line and calling Append. For
// all other lines, valid or not, AppendFast appends nothing and returns the
// length 0.
func (e *Encoder) AppendFast(l *Lines, text []byte, scope *Scope) (w Written, length int) {
	nameEnd, colon := e.scanHead(text, scope)
	if nameEnd == 0 {
		return w, 0
	}
	kind, rate, end := e.scanTail(text, colon)
	if end == 0 {
		return w, 0
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
			return w, 0
		}
	}
	prefixEnd := len(dst)
	dst = append(dst, text[:end]...)
	nameEnd += prefixEnd
	if nameEnd-start > MaxName || len(dst)-start > e.maxLine || e.checkReservedName(kind, dst[start:nameEnd]) != nil ||
		e.checkAllowed(kind, dst[prefixEnd:nameEnd], scope) != nil {
		return w, 0
	}
	l.Bytes, l.Ends = dst, append(l.Ends, len(dst))
	w = Written{Rate: 1, Name: dst[start : prefixEnd+colon], nameEnd: nameEnd - start}
	if e.traits.loopsTimings && isTimed(kind) {
		w.Loops = 1 / rate
	}
	return w, min(end+len("\n"), len(text))
}

// scanHead returns the end of the name and the position of the colon after the
// tags. nameEnd is 0 if the head of the line is not in its final form.
func (e *Encoder) scanHead(text []byte, scope *Scope) (nameEnd, colon int) {
	if !e.fast.isEnabled {
		return 0, 0
	}
	i := 0
	for i < len(text) && e.fast.places[text[i]]&inName != 0 {
		i++
	}
	nameEnd = i
	if nameEnd == 0 || nameEnd == len(text) || text[0] == '.' {
		return 0, 0
	}
	if text[i] == ':' {
		return nameEnd, i
	}
	if !e.fast.hasTags || text[i] != ',' {
		return 0, 0
	}
	var last []byte // the key of the tag before
	for text[i] == ',' {
		start := i + 1
		for i = start; i < len(text) && e.fast.places[text[i]]&inKey != 0; i++ {
		}
		if i == start || i == len(text) || text[i] != '=' {
			return 0, 0
		}
		key := text[start:i]
		if bytes.Compare(last, key) >= 0 || e.checkKey(key, scope) != nil {
			return 0, 0
		}
		last = key
		value := i + 1
		for i = value; i < len(text) && e.fast.places[text[i]]&inTagValue != 0; i++ {
		}
		if i == value || i == len(text) {
			return 0, 0
		}
	}
	if text[i] != ':' {
		return 0, 0
	}
	return nameEnd, i
}

// scanTail returns the kind, the sample rate and the end of a line whose value
// begins after the colon. end is 0 if the tail of the line is not in its final
// form, and for a gauge of 0: it may be the first half of a negative gauge.
func (e *Encoder) scanTail(text []byte, colon int) (kind Kind, rate float64, end int) {
	i := colon + 1
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	if i == len(text) || text[i] != '|' || !isShortInteger(text[colon+1:i]) {
		return 0, 0, 0
	}
	letters := i + 1
	for i = letters; i < len(text) && 'a' <= text[i] && text[i] <= 'z'; i++ {
	}
	kind, ok := ParseLetters(text[letters:i])
	if !ok || !e.kinds.Has(kind) || kind == Gauge && text[colon+1] == '0' {
		return 0, 0, 0
	}
	rate = 1
	if i < len(text) && text[i] == '|' && kinds[kind].hasRate {
		var length int
		rate, length = scanRate(text[i:])
		i += length
	}
	if i < len(text) && text[i] != '\n' {
		return 0, 0, 0
	}
	return kind, rate, i
}

// scanRate returns the sample rate at the beginning of text, and its length, if it
// is in its final form, from 0.0001 (minRate) to 0.9999.
//
//	|@0.25
func scanRate(text []byte) (rate float64, length int) {
	const begin, maxDigits = "|@0.", len("0001")
	if len(text) < len(begin) || string(text[:len(begin)]) != begin {
		return 1, 0
	}
	i, digits := len(begin), 0
	for i < len(text) && i <= len(begin)+maxDigits && text[i]-'0' <= 9 {
		digits = digits*10 + int(text[i]-'0')
		i++
	}
	if n := i - len(begin); n == 0 || n > maxDigits || text[i-1] == '0' {
		return 1, 0
	}
	return float64(digits) * math.Pow10(len(begin)-i), i
}
