package metric

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Classes of bytes in names and tags.
const (
	plain     = iota // stands for itself
	blank            // a run of these becomes one underscore
	reserved         // has a meaning in a line of some StatsD: refused
	control          // refused
	multibyte        // part of a rune of several bytes
)

var classes = func() (c [256]uint8) {
	for b := range c {
		switch {
		case b >= utf8.RuneSelf:
			c[b] = multibyte
		case b < ' ' || b == 0x7f:
			c[b] = control
		}
	}
	c[' '], c['\t'] = blank, blank
	for _, b := range []byte(":|,;=#@") {
		c[b] = reserved
	}
	return c
}()

// appendText appends a name, a tag's key or a tag's value. It has to be valid
// UTF-8 without reserved or control characters; each run of blanks becomes one
// underscore, as in StatsD's own sanitizeKeyName.
func appendText(dst, src []byte) ([]byte, error) {
	for i := 0; i < len(src); {
		start := i
		for i < len(src) && classes[src[i]] == plain {
			i++
		}
		dst = append(dst, src[start:i]...)
		if i == len(src) {
			break
		}
		r, size := rune(src[i]), 1
		class := classes[src[i]]
		if class == multibyte {
			r, size = utf8.DecodeRune(src[i:])
			class = classOf(r, size)
		}
		switch class {
		case plain:
			dst = append(dst, src[i:i+size]...)
		case blank:
			for size < len(src)-i {
				next, n := utf8.DecodeRune(src[i+size:])
				if !isBlank(next) {
					break
				}
				size += n
			}
			dst = append(dst, '_')
		case reserved:
			return dst, fmt.Errorf("contains the reserved character %q", r)
		default:
			return dst, textError(r, size)
		}
		i += size
	}
	return dst, nil
}

// classOf returns the class of a rune of several bytes.
func classOf(r rune, size int) uint8 {
	switch {
	case r == utf8.RuneError && size == 1, unicode.IsControl(r):
		return control
	case isBlank(r):
		return blank
	default:
		return plain
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

// checkSetValue checks the value of a set: valid UTF-8 and anything but
// control characters, colons and pipes.
func checkSetValue(src []byte) error {
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		switch {
		case r == ':' || r == '|':
			return fmt.Errorf("contains the reserved character %q", r)
		case r == utf8.RuneError && size == 1, unicode.IsControl(r):
			return textError(r, size)
		}
		i += size
	}
	return nil
}

// textError says what is wrong with a rune that no text may hold.
func textError(r rune, size int) error {
	if r == utf8.RuneError && size == 1 {
		return errors.New("is not valid UTF-8")
	}
	return fmt.Errorf("contains the control character %U", r)
}

// trimBlanks returns src without the blanks around it.
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
