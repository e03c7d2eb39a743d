// Package quote writes a client's input into messages: short, printable and quoted.
package quote

import (
	"strconv"
	"unicode/utf8"
)

// maxEcho is how many bytes of a client's input a message repeats at most. A
// reserved character may be named once more behind them: 64 in all.
const maxEcho = 60

// Bytes returns input as a quoted string for a message: at most the first 60
// bytes of it, ended by an ellipsis where something was left out, and with
// everything that does not print escaped.
func Bytes(input []byte) string {
	if len(input) <= maxEcho {
		return strconv.Quote(string(input))
	}
	return strconv.Quote(string(input[:cutAt(input)])) + "…"
}

// Cut returns text cut to what a message may repeat of a client's input, for
// messages of others that quote without a limit.
func Cut(text string) string {
	if len(text) <= maxEcho {
		return text
	}
	return text[:cutAt([]byte(text))] + "…"
}

// cutAt returns where to cut input, which is longer than maxEcho, so that no
// rune is split.
func cutAt(input []byte) int {
	cut := maxEcho
	for cut > maxEcho-utf8.UTFMax && !utf8.RuneStart(input[cut]) {
		cut--
	}
	return cut
}
