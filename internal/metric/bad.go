package metric

import "bytes"

// ScanBad returns the length of the first line of text with its line feed if it is
// certain that Append rejects the line for each client. It makes no error, so that
// it costs little. It returns 0 for blank lines, for good lines and for lines whose
// error takes longer to find.
func (e *Encoder) ScanBad(text []byte) (length int) {
	if !e.isBad(text) {
		return 0
	}
	if end := bytes.IndexByte(text, '\n'); end >= 0 {
		return end + 1
	}
	return len(text)
}

// isBad reports whether the first line of text is certainly bad.
func (e *Encoder) isBad(text []byte) bool {
	i := 0
	for i < len(text) && e.fast.places[text[i]]&inName != 0 {
		i++
	}
	switch {
	case i == 0:
		return false
	case endsLine(text, i):
		return true // there is no value
	}
	switch text[i] {
	case ':':
		return e.isBadTail(text, i)
	case ',':
		colon, isBad := e.scanBadTags(text, i)
		return isBad || colon > 0 && e.isBadTail(text, colon)
	case '|', '=', '#', '@':
		return true // they are reserved in names
	}
	return false
}

// endsLine reports whether a line ends at text[i].
func endsLine(text []byte, i int) bool {
	if i < len(text) && text[i] == '\r' {
		i++
	}
	return i == len(text) || text[i] == '\n'
}

// scanBadTags reports whether the tags that begin at a comma are certainly bad.
// Otherwise it returns the position of the colon after them, or 0 if there may be
// none.
//
//	name,env=prod,locale=en-us:1|c
//	    ^                     ^
func (e *Encoder) scanBadTags(text []byte, comma int) (colon int, isBad bool) {
	var last []byte // the key before
	for i := comma; text[i] == ','; {
		start := i + 1
		for i = start; i < len(text) && e.fast.places[text[i]]&inKey != 0; i++ {
		}
		if i == start || i == len(text) {
			return 0, false
		}
		key := text[start:i]
		if text[i] != '=' {
			return 0, text[i] == ',' || text[i] == ':' // there is no value
		}
		value := i + 1
		for i = value; i < len(text) && e.fast.places[text[i]]&inTagValue != 0; i++ {
		}
		if i == value {
			return 0, false
		}
		if endsLine(text, i) || bytes.Equal(last, key) || e.checkKey(key, nil) != nil {
			return 0, true
		}
		switch text[i] {
		case ':':
			return i, false
		case ',':
		default:
			return 0, text[i] == '|' || text[i] == '=' || text[i] == '#' || text[i] == '@' || text[i] == ';' // they are reserved
		}
		last = key
	}
	return 0, false
}

// isBadTail reports whether the part of a line after the colon is certainly bad.
func (e *Encoder) isBadTail(text []byte, colon int) bool {
	value := colon + 1
	isNumber := true // the first value may be a number
	i := value
	for ; i < len(text) && text[i] != '|' && text[i] != ':' && text[i] != '\n'; i++ {
		switch b := text[i]; {
		case b-'0' <= 9, b == '+', b == '-', b == '.', b == 'e', b == 'E', b <= ' ', b >= 0x80:
		default:
			isNumber = false
		}
	}
	isNumber = isNumber && i > value
	for i < len(text) && text[i] != '|' && text[i] != '\n' {
		i++ // further values
	}
	if i == len(text) || text[i] == '\n' {
		return true // there is no type
	}
	letters := i + 1
	for i = letters; i < len(text) && 'a' <= text[i] && text[i] <= 'z'; i++ {
	}
	if !endsLine(text, i) && text[i] != '|' && text[i] != ':' {
		return false
	}
	kind, ok := ParseLetters(text[letters:i])
	return !ok || !e.kinds.Has(kind) || kind != Set && !isNumber
}
