package metric

import "bytes"

// Where in a line a byte may stand that is written as it is.
const (
	inName = 1 << iota
	inKey
	inTagValue
)

// maxPlainTags is how many tags a plain line may have.
const maxPlainTags = 8

// plainBytes returns where each byte may stand in a plain line.
func (e *Encoder) plainBytes() (table [256]byte) {
	for i := range table {
		b := byte(i)
		if e.names.becomes[b] == b && b != 0 && b != '/' {
			table[b] |= inName
		}
		if e.keys.becomes[b] == b && b != 0 {
			table[b] |= inKey
		}
		if e.values.becomes[b] == b && b != 0 {
			table[b] |= inTagValue
		}
	}
	return table
}

// AppendPlain appends the line that text begins with if it is one that Append
// would write as it stands, but for prefixes, and returns its length with the
// line feed. It is a quicker way for what a batch mostly consists of:
//
//	name,env=prod,locale=en-us:1|c|@0.5
//
// For any other line, also one that Append would refuse, nothing is appended and
// length is 0.
func (e *Encoder) AppendPlain(l *Lines, text []byte, scope *Scope) (w Written, length int) {
	nameEnd, colon := e.plainHead(text)
	if nameEnd == 0 {
		return w, 0
	}
	kind, end := e.plainTail(text, colon)
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
	own := len(dst)
	dst = append(dst, text[:end]...)
	if own+nameEnd-start > MaxName || len(dst)-start > e.maxLine || e.checkAllowed(kind, dst[own:own+nameEnd], scope) != nil {
		return w, 0
	}
	l.Bytes, l.Ends = dst, append(l.Ends, len(dst))
	return Written{Rate: 1, Name: dst[start : own+colon]}, min(end+len("\n"), len(text))
}

// plainHead returns where the name of a plain line ends, and where the colon
// behind its tags is; nameEnd is 0 where the line is not plain so far.
func (e *Encoder) plainHead(text []byte) (nameEnd, colon int) {
	if !e.plainLines {
		return 0, 0
	}
	i := 0
	for i < len(text) && e.plain[text[i]]&inName != 0 {
		i++
	}
	nameEnd = i
	if nameEnd == 0 || nameEnd == len(text) || text[0] == '.' {
		return 0, 0
	}
	if text[i] == ':' {
		return nameEnd, i
	}
	if !e.plainTags || text[i] != ',' {
		return 0, 0
	}
	var keys [maxPlainTags][]byte
	for n := 0; text[i] == ','; n++ {
		key := i + 1
		for i = key; i < len(text) && e.plain[text[i]]&inKey != 0; i++ {
		}
		if n == maxPlainTags || i == key || i == len(text) || text[i] != '=' {
			return 0, 0
		}
		keys[n] = text[key:i]
		for _, other := range keys[:n] {
			if bytes.Equal(keys[n], other) {
				return 0, 0
			}
		}
		value := i + 1
		for i = value; i < len(text) && e.plain[text[i]]&inTagValue != 0; i++ {
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

// plainTail returns the kind of a plain line and its end, 0 where it is not
// plain. Before it stands a colon.
func (e *Encoder) plainTail(text []byte, colon int) (kind Kind, end int) {
	i := colon + 1
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	if i == len(text) || text[i] != '|' || !isPlain(text[colon+1:i]) {
		return 0, 0
	}
	letters := i + 1
	for i = letters; i < len(text) && 'a' <= text[i] && text[i] <= 'z'; i++ {
	}
	kind, ok := ParseLetters(text[letters:i])
	if !ok || !e.Allows(kind) {
		return 0, 0
	}
	if i < len(text) && text[i] == '|' && kinds[kind].sampled {
		i += plainRate(text[i:])
	}
	if i < len(text) && text[i] != '\n' {
		return 0, 0
	}
	return kind, i
}

// plainRate returns the length of the sample rate at the front of text if it is
// written as it stands: from 0.0001, which is minLineRate, to 0.9999.
//
//	|@0.25
func plainRate(text []byte) (length int) {
	const begin, most = "|@0.", len("0001")
	if len(text) < len(begin) || string(text[:len(begin)]) != begin {
		return 0
	}
	i := len(begin)
	for i < len(text) && text[i]-'0' <= 9 {
		i++
	}
	if digits := i - len(begin); digits == 0 || digits > most || text[i-1] == '0' {
		return 0
	}
	return i
}
