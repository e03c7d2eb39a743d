package decode

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// The classes of bytes in a string.
const (
	ordinary = iota // an ASCII character that stands for itself
	special         // a quote, a backslash or a control character
	wide            // a part of a rune of several bytes
)

// stringBytes holds the class of each byte.
var stringBytes = func() (t [256]byte) {
	for b := range t {
		switch {
		case b < ' ', b == '"', b == '\\':
			t[b] = special
		case b >= utf8.RuneSelf:
			t[b] = wide
		}
	}
	return t
}()

// string reads a string. raw is the text between the quotes, a part of s.data.
// isEscaped reports whether raw contains escapes; all of them are valid.
func (s *scanner) string() (raw []byte, isEscaped bool, err error) {
	if err := s.expect('"'); err != nil {
		return nil, false, err
	}
	start := s.pos
	isWide := false
	for {
		rest := s.data[s.pos:]
		n := 0
		for n < len(rest) && stringBytes[rest[n]] == ordinary {
			n++
		}
		s.pos += n
		switch {
		case s.pos == len(s.data):
			return nil, false, s.errMalformed()
		case stringBytes[s.data[s.pos]] == wide:
			isWide = true
			s.pos++
		case s.data[s.pos] == '\\':
			isEscaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case s.data[s.pos] == '"':
			raw = s.data[start:s.pos:s.pos]
			if isWide && !utf8.Valid(raw) {
				s.pos = start
				s.isMalformed = true
				return nil, false, fmt.Errorf("malformed JSON at byte %d: the string is not valid UTF-8", start)
			}
			s.pos++
			return raw, isEscaped, nil
		default:
			return nil, false, s.errMalformed()
		}
	}
}

// escape reads one escape sequence. A surrogate pair counts as one.
func (s *scanner) escape() error {
	_, size := unescape(s.data[s.pos:])
	if size == 0 {
		return s.errMalformed()
	}
	s.pos += size
	return nil
}

// unescape decodes the escape sequence at the beginning of text and returns its
// length. size is 0 if it is not valid. r is U+FFFD for a surrogate without
// the other half of its pair.
func unescape(text []byte) (r rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch text[1] {
	case '"', '\\', '/':
		return rune(text[1]), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		high, ok := hexRune(text)
		if !ok {
			return 0, 0
		}
		if !utf16.IsSurrogate(high) {
			return high, 6
		}
		if low, ok := hexRune(text[6:]); ok {
			if r := utf16.DecodeRune(high, low); r != utf8.RuneError {
				return r, 12
			}
		}
		return utf8.RuneError, 6
	}
	return 0, 0
}

// hexRune decodes \u and four hexadecimal digits at the beginning of text.
func hexRune(text []byte) (r rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, b := range text[2:6] {
		digit := unhex[b]
		if digit < 0 {
			return 0, false
		}
		r = r<<4 | rune(digit)
	}
	return r, true
}

// appendUnquoted appends raw, which scanner.string returned, with its escapes
// decoded.
func appendUnquoted(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			dst = append(dst, raw[i])
			i++
			continue
		}
		r, size := unescape(raw[i:])
		dst = utf8.AppendRune(dst, r)
		i += size
	}
	return dst
}
