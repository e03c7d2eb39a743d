package metric

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"statsd-http-proxy/internal/quote"
)

// reservedChars are the characters that have a meaning in a line of some StatsD
// server.
const reservedChars = ":|,;=#@"

// rules say how the encoder writes the text of a name, a tag key or a tag value.
type rules struct {
	written               [256]byte // how each byte is written; 0 if appendRune decides
	reserved              string    // characters that are errors
	lowercase             bool
	replacesNonASCIIRunes bool // an underscore replaces each rune that is not ASCII
	replacesNonASCIIBytes bool // an underscore replaces each byte of such a rune
}

// newRules returns rules that reject the characters of reservedChars and of
// moreReserved. If isKept is not nil, an underscore replaces each ASCII character for
// which isKept returns false, and each rune that is not ASCII. If lowercase is true,
// letters are folded to lower case.
func newRules(moreReserved string, isKept func(byte) bool, lowercase bool) *rules {
	r := &rules{reserved: reservedChars + moreReserved, lowercase: lowercase, replacesNonASCIIRunes: isKept != nil}
	for b := byte('!'); b < 0x7f; b++ {
		switch {
		case strings.IndexByte(r.reserved, b) >= 0:
		case isKept != nil && !isKept(b):
			r.written[b] = '_'
		case lowercase && 'A' <= b && b <= 'Z':
			r.written[b] = b + 'a' - 'A'
		default:
			r.written[b] = b
		}
	}
	return r
}

// replace makes r replace each of the ASCII characters in chars by an underscore,
// except for those that are reserved.
func (r *rules) replace(chars string) {
	for i := range len(chars) {
		if r.written[chars[i]] != 0 {
			r.written[chars[i]] = '_'
		}
	}
}

// append appends src as the rules say. It returns nil and an error if src is not valid
// UTF-8 or contains a reserved or control character. One underscore replaces
// each run of blanks, as in StatsD's sanitizeKeyName.
func (r *rules) append(dst, src []byte) ([]byte, error) {
	for i := 0; ; {
		rest := src[i:]
		dst = slices.Grow(dst, len(rest))
		room := dst[len(dst) : len(dst)+len(rest)]
		n := 0
		for n < len(rest) && n < len(room) {
			b := r.written[rest[n]]
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
			return nil, err
		}
	}
}

// appendRune appends the rune at src[i], or one underscore for the run of blanks
// there. It returns the end of that rune or run.
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
	case strings.ContainsRune(r.reserved, c):
		return nil, 0, reservedCharError(c)
	case isInvalid(c, size):
		return nil, 0, errInvalid(c, size)
	case r.replacesNonASCIIRunes:
		return append(dst, '_'), end, nil
	case r.replacesNonASCIIBytes:
		for range size {
			dst = append(dst, '_')
		}
		return dst, end, nil
	case r.lowercase:
		return utf8.AppendRune(dst, unicode.ToLower(c)), end, nil
	default:
		return append(dst, src[i:end]...), end, nil
	}
}

// reservedCharError says that a text contains a reserved character.
type reservedCharError rune

func (r reservedCharError) Error() string {
	return fmt.Sprintf("contains the reserved character %q", rune(r))
}

// startsBefore reports whether the key a is before b because of their first bytes.
// Neither is empty.
func (r *rules) startsBefore(a, b []byte) bool {
	first := r.written[a[0]]
	return first != 0 && first < r.written[b[0]]
}

// compare compares the keys a and b as append writes them, in byte order.
func (r *rules) compare(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		x, y := r.written[a[i]], r.written[b[i]]
		if x == 0 || y == 0 {
			return r.compareWritten(a[i:], b[i:])
		}
		if x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

// compareWritten is compare for keys with characters that appendRune handles. Invalid
// keys come first.
func (r *rules) compareWritten(a, b []byte) int {
	var bufferA, bufferB [128]byte
	a, _ = r.append(bufferA[:0], a)
	b, _ = r.append(bufferB[:0], b)
	return bytes.Compare(a, b)
}

// isBlank reports whether r is white space in JavaScript's \s, which StatsD's
// sanitizeKeyName uses. The line breaks of ASCII and Latin-1 are not blanks here
// but control characters.
func isBlank(r rune) bool {
	return r == '\t' || r == '\ufeff' || unicode.Is(unicode.Z, r)
}

// isInvalid reports whether a rune, decoded from size bytes, is a control
// character or not valid UTF-8.
func isInvalid(r rune, size int) bool {
	return unicode.IsControl(r) || r == utf8.RuneError && size == 1
}

// errInvalid returns the error for a rune for which isInvalid returns true.
func errInvalid(r rune, size int) error {
	if r == utf8.RuneError && size == 1 {
		return errors.New("is not valid UTF-8")
	}
	return fmt.Errorf("contains the control character %U", r)
}

// checkSetValue checks a value of a set: it must be valid UTF-8 without control
// characters, colons and pipes.
func checkSetValue(src []byte) error {
	for i := 0; i < len(src); {
		r, size := rune(src[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(src[i:])
		}
		switch {
		case r == ':' || r == '|':
			return reservedCharError(r)
		case isInvalid(r, size):
			return errInvalid(r, size)
		}
		i += size
	}
	return nil
}

// checkExtension checks a section of a DogStatsD line: it must be valid UTF-8
// without control characters.
func checkExtension(src []byte) error {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if isInvalid(r, size) {
			return fmt.Errorf("the section %s %w", quote.Bytes(src), errInvalid(r, size))
		}
		i += size
	}
	return nil
}

// TrimBlanks returns src without the spaces, tabs and Unicode spaces at its
// ends.
func TrimBlanks(src []byte) []byte {
	if n := len(src); n > 0 && isGraphic(src[0]) && isGraphic(src[n-1]) {
		return src
	}
	return trimBlanks(src)
}

// isGraphic reports whether b is a printable ASCII character other than a space.
func isGraphic(b byte) bool { return b-'!' < 0x7f-'!' }

func trimBlanks(src []byte) []byte {
	for {
		r, size := utf8.DecodeRune(src)
		if !isBlank(r) { // also at the end
			break
		}
		src = src[size:]
	}
	for {
		r, size := utf8.DecodeLastRune(src)
		if !isBlank(r) {
			return src
		}
		src = src[:len(src)-size]
	}
}
