package decode

import (
	"bytes"
	"errors"
)

var errBadEscape = errors.New("a percent sign is not followed by two hexadecimal digits")

// AppendUnescaped appends text with its percent escapes decoded once (RFC
// 3986, section 2.1). With an error, it returns dst with a part of text.
func AppendUnescaped(dst, text []byte) ([]byte, error) {
	for {
		i := bytes.IndexByte(text, '%')
		if i < 0 {
			return append(dst, text...), nil
		}
		if len(text) < i+3 {
			return dst, errBadEscape
		}
		high, low := unhex[text[i+1]], unhex[text[i+2]]
		if high < 0 || low < 0 {
			return dst, errBadEscape
		}
		dst = append(dst, text[:i]...)
		dst = append(dst, byte(high)<<4|byte(low))
		text = text[i+3:]
	}
}

// unhex holds the value of each hexadecimal digit, and -1 for all other bytes.
var unhex = func() (t [256]int8) {
	for b := range t {
		t[b] = -1
	}
	for i, b := range []byte("0123456789abcdef") {
		t[b] = int8(i)
	}
	for i, b := range []byte("ABCDEF") {
		t[b] = int8(10 + i)
	}
	return t
}()
