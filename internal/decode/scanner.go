package decode

import (
	"errors"
	"fmt"
)

// scanner reads JSON (RFC 8259) token by token. It accepts only valid UTF-8. After
// an error, pos is the position of the error.
type scanner struct {
	data        []byte
	pos         int
	isMalformed bool // the scanner has found malformed JSON
}

// maxDepth is the maximum nesting of the values that skip reads.
const maxDepth = 100

// errMalformed returns the error for malformed JSON at s.pos.
func (s *scanner) errMalformed() error {
	s.isMalformed = true
	if s.pos >= len(s.data) {
		return errors.New("malformed JSON: it breaks off")
	}
	return fmt.Errorf("malformed JSON at byte %d: unexpected %q", s.pos, s.data[s.pos:s.pos+1])
}

// peek returns the next byte that is not white space, or 0 at the end.
func (s *scanner) peek() byte {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return s.data[s.pos] // usually there is no white space
	}
	return s.skipSpace()
}

// skipSpace skips white space and returns the next byte, or 0 at the end.
func (s *scanner) skipSpace() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch b := s.data[s.pos]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// consume reads the next byte that is not white space if it is b. It reports
// whether it is.
func (s *scanner) consume(b byte) bool {
	if s.pos < len(s.data) && s.data[s.pos] == b {
		s.pos++
		return true
	}
	if s.skipSpace() != b {
		return false
	}
	s.pos++
	return true
}

// expect reads the next byte that is not white space. It returns an error unless
// the byte is b.
func (s *scanner) expect(b byte) error {
	if !s.consume(b) {
		return s.errMalformed()
	}
	return nil
}

// next reads the byte after a member of an object or array: a comma or closer. It
// reports whether another member follows.
func (s *scanner) next(closer byte) (more bool, err error) {
	if s.consume(closer) {
		return false, nil
	}
	return true, s.expect(',')
}

// end returns an error unless only white space follows. what names the value
// before.
func (s *scanner) end(what string) error {
	if s.peek() != 0 || s.pos < len(s.data) {
		s.isMalformed = true
		return fmt.Errorf("malformed JSON: something follows the %s at byte %d", what, s.pos)
	}
	return nil
}

// number reads a number and returns its text, a part of s.data.
func (s *scanner) number() ([]byte, error) {
	s.peek()
	start := s.pos
	s.skipByte('-')
	if !s.skipByte('0') && !s.skipDigits() {
		return nil, s.errMalformed()
	}
	if s.skipByte('.') && !s.skipDigits() {
		return nil, s.errMalformed()
	}
	if s.skipByte('e') || s.skipByte('E') {
		if !s.skipByte('+') {
			s.skipByte('-')
		}
		if !s.skipDigits() {
			return nil, s.errMalformed()
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

// literal reads true, false or null and returns its text, a part of s.data.
func (s *scanner) literal() ([]byte, error) {
	s.peek()
	for _, word := range [...]string{"null", "true", "false"} {
		rest := s.data[s.pos:]
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.pos += len(word)
			return rest[:len(word):len(word)], nil
		}
	}
	return nil, s.errMalformed()
}

// skip reads a value of any type. depth is the nesting of the value.
func (s *scanner) skip(depth int) (err error) {
	switch b := s.peek(); {
	case b == '"':
		_, _, err = s.string()
	case b == '-' || b-'0' <= 9:
		_, err = s.number()
	case b == '{' || b == '[':
		if depth == maxDepth {
			s.isMalformed = true
			return fmt.Errorf("malformed JSON at byte %d: nested deeper than %d", s.pos, maxDepth)
		}
		s.pos++
		return s.skipMembers(b, depth+1)
	default:
		_, err = s.literal()
	}
	return err
}

// skipMembers reads the rest of an object or array after its opening byte.
func (s *scanner) skipMembers(opener byte, depth int) error {
	closer := opener + 2 // ] follows [ and } follows {, two places later in ASCII
	more, err := !s.consume(closer), error(nil)
	for more && err == nil {
		if opener == '{' {
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
		more, err = s.next(closer)
	}
	return err
}
