package http1

import (
	"encoding/binary"
	"math/bits"

	"statsd-http-proxy/internal/exchange"
)

// lineEnd returns the length of the first line of text without its CR LF, -1 if the
// line is not complete. It returns controlErr for a line with a control character
// other than a tab.
//
// It rejects a line that ends in LF alone. RFC 9112, section 2.2, allows it, but a
// parser that takes such an LF for a part of a value sees another head.
func lineEnd(text []byte, controlErr *exchange.HTTPError) (end int, herr *exchange.HTTPError) {
	end = firstControl(text)
	switch {
	case end == len(text) || end == len(text)-1 && text[end] == '\r':
		return -1, nil
	case text[end] == '\n':
		return -1, badLineEnd
	case text[end] != '\r' || text[end+1] != '\n':
		return -1, controlErr
	}
	return end, nil
}

// hasControl reports whether text holds a control character other than a tab.
func hasControl(text []byte) bool { return firstControl(text) < len(text) }

// firstControl returns the index of the first control character other than a tab in
// text, len(text) if there is none.
func firstControl(text []byte) int {
	i := 0
	for i+8 <= len(text) {
		// Test eight bytes at once. The high bit of a byte of found is set if that
		// byte is a control character; it may also be set after the first one.
		const ones = 0x0101010101010101
		v := binary.LittleEndian.Uint64(text[i:])
		below := (v - 0x20*ones) &^ v
		del := v ^ 0x7f*ones
		del = (del - ones) &^ del
		if found := (below | del) & (0x80 * ones); found == 0 {
			i += 8
		} else if i += bits.TrailingZeros64(found) / 8; text[i] != '\t' {
			return i
		} else {
			i++
		}
	}
	for ; i < len(text); i++ {
		if b := text[i]; b < ' ' && b != '\t' || b == 0x7f {
			break
		}
	}
	return i
}
