package metric

import "math"

// AppendFast appends the first line of text to l, and describes it in w, if the line is
// already in its final form, except for prefixes and the order of its tags. It returns the
// length of the line with its line feed. It is the fast path for typical lines of a batch:
//
//	name,env=prod,locale=en-us:1|c|@0.5
//
// The result is the same as that of decoding the line and calling Append. For
// all other lines, valid or not, AppendFast appends nothing and returns the
// length 0.
func (e *Encoder) AppendFast(w *Written, l *Lines, text []byte, scope *Scope) (length int) {
	nameLength := e.scanName(text)
	if nameLength == 0 || nameLength == len(text) {
		return 0
	}
	colon := nameLength
	isSorted, isChecked := true, true // the tags
	if text[colon] == ',' {
		tags := nameLength + 1
		if colon = tags + l.lengthOfLastTags(text[tags:]); colon == tags || colon == len(text) || text[colon] != ':' {
			colon, isSorted = e.scanTags(text, tags, scope)
			isChecked = false
		}
	}
	if colon == 0 || colon == len(text) || text[colon] != ':' {
		return 0
	}
	kind, rate, end := e.scanTail(text, colon)
	if end == 0 || end > e.maxLine { // before dst grows
		return 0
	}
	dst, start := e.appendStart(l.Bytes)
	if scope != nil && len(scope.Prefix) > 0 {
		var err error
		if dst, err = e.appendPrefix(dst, scope.Prefix); err != nil {
			return 0
		}
	}
	nameEnd := len(dst) + nameLength
	if isSorted {
		dst = append(dst, text[:end]...)
	} else {
		dst = append(dst, text[:nameLength]...)
		if dst = appendInOrder(dst, text[nameLength+1:colon]); dst == nil {
			return 0
		}
		dst = append(dst, text[colon:end]...)
	}
	if len(dst)-start > e.maxLine || e.isRejectedName(kind, dst[start:nameEnd], nameLength, scope) {
		return 0
	}
	l.Bytes, l.Ends = dst, append(l.Ends, len(dst))
	if !isChecked {
		l.lastTags, l.lastTagsEnd = nameEnd+len(","), nameEnd+colon-nameLength
	}
	e.describe(w, kind, dst[start:nameEnd+colon-nameLength], nameEnd-start, rate)
	w.HasKnownTags = isChecked
	return min(end+len("\n"), len(text))
}

// scanTail returns the kind, the sample rate and the end of a line whose value begins after
// the colon. end is 0 if the tail of the line is not in its final form, and for a gauge
// of 0: it may be the first half of a negative gauge.
func (e *Encoder) scanTail(text []byte, colon int) (kind Kind, rate float64, end int) {
	i := colon + 1
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	digits := i - colon - 1
	if i == len(text) || text[i] != '|' || digits == 0 || digits > maxShortDigits || digits > 1 && text[colon+1] == '0' {
		return 0, 0, 0
	}
	kind, i = scanLetters(text, i+1)
	if i == 0 || !e.kinds.Has(kind) || kind == Gauge && text[colon+1] == '0' {
		return 0, 0, 0
	}
	rate = 1
	if i < len(text) && text[i] == '|' && kinds[kind].hasRate {
		if rate, i = scanRate(text, i); i == 0 {
			return 0, 0, 0
		}
	}
	if i < len(text) && text[i] != '\n' {
		return 0, 0, 0
	}
	return kind, rate, i
}

// scanLetters returns the kind whose letters begin at text[i], and their end, which is 0
// if there are none.
func scanLetters(text []byte, i int) (kind Kind, end int) {
	for end = i; end < len(text) && 'a' <= text[end] && text[end] <= 'z'; end++ {
	}
	kind, ok := ParseLetters(text[i:end])
	if !ok {
		return 0, 0
	}
	return kind, end
}

// scanRate returns the sample rate that begins at text[pipe], and its end, which is 0 if
// the rate is not in its final form.
//
//	|@0.25
func scanRate(text []byte, pipe int) (rate float64, end int) {
	start := pipe + len("|@")
	if len(text) < start || text[pipe+1] != '@' {
		return 0, 0
	}
	end = start
	for end < len(text) && (text[end] == '.' || text[end]-'0' <= 9) {
		end++
	}
	if rate = finalRate(text[start:end]); rate == 0 || rate == 1 {
		return 0, 0
	}
	return rate, end
}

// finalRate returns a sample rate that is in its final form, from 0.0001 (minRate) to
// 0.9999, or 1. It returns 0 for all others.
func finalRate(text []byte) float64 {
	const begin, maxDigits = "0.", len("0001")
	if len(text) == 1 && text[0] == '1' {
		return 1
	}
	n := len(text) - len(begin)
	if n < 1 || n > maxDigits || string(text[:len(begin)]) != begin || text[len(text)-1] == '0' {
		return 0
	}
	digits := 0
	for _, b := range text[len(begin):] {
		if b-'0' > 9 {
			return 0
		}
		digits = digits*10 + int(b-'0')
	}
	return float64(digits) * math.Pow10(-n)
}
