// Package quote quotes the input of clients in messages: short and printable.
package quote

import (
	"strconv"
	"unicode/utf8"
)

// maxQuoted is the maximum number of bytes of a client's input in a message. With the
// reserved character that some messages name after it, 64 is the limit.
const maxQuoted = 60

// Bytes returns the first 60 bytes of input as a quoted string for a message. It
// escapes characters that are not printable. An ellipsis follows if input is
// longer.
func Bytes(input []byte) string {
	if len(input) <= maxQuoted {
		return strconv.Quote(string(input))
	}
	return strconv.Quote(string(input[:cutAt(input)])) + "…"
}

// Cut returns the first 60 bytes of text, and an ellipsis if text is longer. It is
// for messages of libraries that quote a client's input without a limit.
func Cut(text string) string {
	if len(text) <= maxQuoted {
		return text
	}
	return text[:cutAt([]byte(text))] + "…"
}

// cutAt returns the length, up to maxEcho, at which cutting input splits no rune.
// input is longer than maxEcho.
func cutAt(input []byte) int {
	cut := maxQuoted
	for cut > maxQuoted-utf8.UTFMax && !utf8.RuneStart(input[cut]) {
		cut--
	}
	return cut
}
