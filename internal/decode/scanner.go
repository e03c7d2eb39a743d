package decode

import (
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON (RFC 8259) token by token, strictly: valid UTF-8 and
// whole surrogate pairs only. After an error its position is where it stopped.
type scanner struct {
	data   []byte
	pos    int
	broken bool // it has met malformed JSON
}

// maxDepth bounds how deep the values may be nested that are passed over.
const maxDepth = 100

// malformed says that the JSON is wrong where the scanner stands.
func (s *scanner) malformed() error {
	s.broken = true
	if s.pos >= len(s.data) {
		return errors.New("malformed JSON: it breaks off")
	}
	return fmt.Errorf("malformed JSON at byte %d: unexpected %q", s.pos, s.data[s.pos:s.pos+1])
}

// peek returns the next byte that is not white space, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos] // mostly there is no white space
	}
	return s.peekFar()
}

func (s *scanner) peekFar() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch b := s.data[s.pos]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// take consumes the next byte that is not white space if it is b.
func (s *scanner) take(b byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == b {
		s.pos++
		return true
	}
	if s.peekFar() != b {
		return false
	}
	s.pos++
	return true
}

// expect consumes b, which has to be next.
func (s *scanner) expect(b byte) error {
	if !s.take(b) {
		return s.malformed()
	}
	return nil
}

// next reads what stands behind a member of an object or array: a comma, or
// the byte that closes it, which tells that there is no more.
func (s *scanner) next(closes byte) (more bool, err error) {
	if s.take(closes) {
		return false, nil
	}
	return true, s.expect(',')
}

// end refuses anything but white space.
func (s *scanner) end(what string) error {
	if s.peek() != 0 || s.pos < len(s.data) {
		s.broken = true
		return fmt.Errorf("malformed JSON: something follows the %s at byte %d", what, s.pos)
	}
	return nil
}

// Classes of bytes within a string.
const (
	inString = iota // stands for itself
	stops           // a quote, a backslash or a control character
	wide            // part of a rune of several bytes
)

var stringBytes = func() (t [256]byte) {
	for b := range t {
		switch {
		case b < ' ', b == '"', b == '\\':
			t[b] = stops
		case b >= utf8.RuneSelf:
			t[b] = wide
		}
	}
	return t
}()

// string reads a string. raw is what stands between its quotes; escaped tells
// whether that holds escapes, which were checked.
func (s *scanner) string() (raw []byte, escaped bool, err error) {
	if err := s.expect('"'); err != nil {
		return nil, false, err
	}
	start := s.pos
	isWide := false
	for {
		rest := s.data[s.pos:]
		n := 0
		for n < len(rest) && stringBytes[rest[n]] == inString {
			n++
		}
		s.pos += n
		switch {
		case s.pos == len(s.data):
			return nil, false, s.malformed()
		case stringBytes[s.data[s.pos]] == wide:
			isWide = true
			s.pos++
		case s.data[s.pos] == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return nil, false, err
			}
		case s.data[s.pos] == '"':
			raw = s.data[start:s.pos:s.pos]
			if isWide && !utf8.Valid(raw) {
				s.pos = start
				s.broken = true
				return nil, false, fmt.Errorf("malformed JSON at byte %d: the string is not valid UTF-8", start)
			}
			s.pos++
			return raw, escaped, nil
		default:
			return nil, false, s.malformed()
		}
	}
}

// escape reads one escape sequence, or the two of a surrogate pair.
func (s *scanner) escape() error {
	r, size := unescape(s.data[s.pos:])
	if size == 0 || utf16.IsSurrogate(r) {
		return s.malformed()
	}
	s.pos += size
	return nil
}

// unescape returns what the escape sequence that text begins with stands for,
// and its length: 0 for none, a surrogate for half of a pair.
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
		return high, 6
	}
	return 0, 0
}

// hexRune reads \u and four hexadecimal digits.
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

// appendUnquoted appends what the inside of a string, which was read before,
// stands for.
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

// number reads a number and returns its text.
func (s *scanner) number() ([]byte, error) {
	s.peek()
	start := s.pos
	s.skipByte('-')
	if !s.skipByte('0') && !s.skipDigits() {
		return nil, s.malformed()
	}
	if s.skipByte('.') && !s.skipDigits() {
		return nil, s.malformed()
	}
	if s.skipByte('e') || s.skipByte('E') {
		if !s.skipByte('+') {
			s.skipByte('-')
		}
		if !s.skipDigits() {
			return nil, s.malformed()
		}
	}
	return s.data[start:s.pos:s.pos], nil
}

func (s *scanner) skipByte(b byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == b {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) skipDigits() bool {
	start := s.pos
	for s.pos < len(s.data) && s.data[s.pos]-'0' <= 9 {
		s.pos++
	}
	return s.pos > start
}

// literal reads true, false or null, and returns its text.
func (s *scanner) literal() ([]byte, error) {
	s.peek()
	for _, word := range [...]string{"null", "true", "false"} {
		rest := s.data[s.pos:]
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.pos += len(word)
			return rest[:len(word):len(word)], nil
		}
	}
	return nil, s.malformed()
}

// skip reads a value of any kind.
func (s *scanner) skip(depth int) (err error) {
	switch b := s.peek(); {
	case b == '"':
		_, _, err = s.string()
	case b == '-' || b-'0' <= 9:
		_, err = s.number()
	case b == '{' || b == '[':
		if depth == maxDepth {
			s.broken = true
			return fmt.Errorf("malformed JSON at byte %d: nested deeper than %d", s.pos, maxDepth)
		}
		s.pos++
		return s.skipMembers(b, depth+1)
	default:
		_, err = s.literal()
	}
	return err
}

// skipMembers reads the rest of an object or an array, whose opening byte was
// read.
func (s *scanner) skipMembers(opened byte, depth int) error {
	closes := opened + 2 // ] behind [, } behind {
	more, err := !s.take(closes), error(nil)
	for more && err == nil {
		if opened == '{' {
			if _, _, err := s.string(); err != nil {
				return err
			}
			if err := s.expect(':'); err != nil {
				return err
			}
		}
		if err := s.skip(depth); err != nil {
			return err
		}
		more, err = s.next(closes)
	}
	return err
}
