package metric

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// reserved are the bytes that have a meaning in a line of some StatsD.
const reserved = ":|,;=#@"

// rules say what becomes of the text of a name, a tag's key or a tag's value.
type rules struct {
	becomes   [256]byte // what each byte is written as, 0 for those to look closer at
	reserved  string
	lowercase bool
	onlyASCII bool // other runes become underscores
}

// newRules returns rules that refuse more bytes than those reserved anyway,
// that turn each ASCII character which keep refuses into an underscore (none
// where keep is nil) and every other one too, and that fold to lower case.
func newRules(more string, keep func(byte) bool, lowercase bool) *rules {
	r := &rules{reserved: reserved + more, lowercase: lowercase, onlyASCII: keep != nil}
	for b := byte('!'); b < 0x7f; b++ {
		switch {
		case strings.IndexByte(r.reserved, b) >= 0:
		case keep != nil && !keep(b):
			r.becomes[b] = '_'
		case lowercase && 'A' <= b && b <= 'Z':
			r.becomes[b] = b + 'a' - 'A'
		default:
			r.becomes[b] = b
		}
	}
	return r
}

// append appends src, which has to be valid UTF-8 without reserved or control
// characters. Each run of blanks becomes one underscore, as in StatsD's own
// sanitizeKeyName.
func (r *rules) append(dst, src []byte) ([]byte, error) {
	for i := 0; ; {
		rest := src[i:]
		dst = slices.Grow(dst, len(rest))
		room := dst[len(dst) : len(dst)+len(rest)]
		n := 0
		for n < len(rest) && n < len(room) {
			b := r.becomes[rest[n]]
			if b == 0 {
				break
			}
			room[n] = b
			n++
		}
		dst = dst[:len(dst)+n]
		if i += n; i == len(src) {
			return dst, nil
		}
		var err error
		if dst, i, err = r.appendRune(dst, src, i); err != nil {
			return dst, err
		}
	}
}

// appendRune appends what becomes of the rune at src[i], or of the run of
// blanks there, and returns where it ends.
func (r *rules) appendRune(dst, src []byte, i int) ([]byte, int, error) {
	c, size := utf8.DecodeRune(src[i:])
	end := i + size
	switch {
	case isBlank(c):
		for end < len(src) {
			next, size := utf8.DecodeRune(src[end:])
			if !isBlank(next) {
				break
			}
			end += size
		}
		return append(dst, '_'), end, nil
	case strings.ContainsRune(r.reserved, c) && size == 1 && c != utf8.RuneError:
		return dst, end, fmt.Errorf("contains the reserved character %q", c)
	case isBroken(c, size):
		return dst, end, errBroken(c, size)
	case r.onlyASCII:
		return append(dst, '_'), end, nil
	case r.lowercase:
		return utf8.AppendRune(dst, unicode.ToLower(c)), end, nil
	default:
		return append(dst, src[i:end]...), end, nil
	}
}

// isBlank tells whether StatsD, whose sanitizeKeyName uses JavaScript's \s,
// takes r for white space; line breaks in ASCII and Latin-1 are control
// characters here.
func isBlank(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || r == '\t'
	}
	return r == '\ufeff' || unicode.Is(unicode.Z, r)
}

// isBroken tells whether no text may hold r: a control character, or what is
// not UTF-8.
func isBroken(r rune, size int) bool {
	return unicode.IsControl(r) || r == utf8.RuneError && size == 1
}

// errBroken says what is wrong with a rune that no text may hold.
func errBroken(r rune, size int) error {
	if r == utf8.RuneError && size == 1 {
		return errors.New("is not valid UTF-8")
	}
	return fmt.Errorf("contains the control character %U", r)
}

// checkSetValue checks the value of a set: valid UTF-8 and anything but
// control characters, colons and pipes.
func checkSetValue(src []byte) error {
	for i := 0; i < len(src); {
		r, size := rune(src[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(src[i:])
		}
		switch {
		case r == ':' || r == '|':
			return fmt.Errorf("contains the reserved character %q", r)
		case isBroken(r, size):
			return errBroken(r, size)
		}
		i += size
	}
	return nil
}

// TrimBlanks returns src without the blanks around it: spaces, tabs and what
// Unicode counts among them.
func TrimBlanks(src []byte) []byte {
	if n := len(src); n > 0 && isGraphic(src[0]) && isGraphic(src[n-1]) {
		return src
	}
	return trimBlanks(src)
}

// isGraphic tells whether b is an ASCII character that is no blank.
func isGraphic(b byte) bool { return b-'!' < 0x7f-'!' }

func trimBlanks(src []byte) []byte {
	for len(src) > 0 {
		r, size := utf8.DecodeRune(src)
		if !isBlank(r) {
			break
		}
		src = src[size:]
	}
	for len(src) > 0 {
		r, size := utf8.DecodeLastRune(src)
		if !isBlank(r) {
			break
		}
		src = src[:len(src)-size]
	}
	return src
}
