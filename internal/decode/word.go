package decode

import (
	"encoding/binary"
	"math/bits"
)

// A word holds eight bytes, the first one in its lowest bits. Code that looks at a whole
// word at once sets the highest bit of each byte it searches for.
const (
	eachByte    = 0x0101010101010101 // times a byte: that byte eight times
	highestBits = 0x80 * eachByte
	wordBytes   = 8
)

// word returns the eight bytes that begin at data[i]. Bytes after the end of data are 0.
func word(data []byte, i int) uint64 {
	if i+wordBytes <= len(data) {
		return binary.LittleEndian.Uint64(data[i:])
	}
	return lastWord(data, i)
}

// lastWord is word for fewer than eight bytes.
func lastWord(data []byte, i int) uint64 {
	var padded [wordBytes]byte
	copy(padded[:], data[min(i, len(data)):])
	return binary.LittleEndian.Uint64(padded[:])
}

// firstBytes returns the first n bytes of a word; the others are 0. n is less than 8.
func firstBytes(word uint64, n int) uint64 { return word & (1<<(8*n) - 1) }

// endsString finds bytes that are not ordinary in a JSON string: quotes, backslashes,
// control characters and bytes beyond ASCII. The lowest bit that is set is exact; others
// may be wrong because of borrows.
func endsString(word uint64) uint64 {
	quote, backslash := word^'"'*eachByte, word^'\\'*eachByte
	isQuote := (quote - eachByte) &^ quote
	isBackslash := (backslash - eachByte) &^ backslash
	isControl := (word - ' '*eachByte) &^ word
	return (isQuote | isBackslash | isControl | word) & highestBits
}

// endsDigits finds bytes that are not decimal digits. The lowest bit that is set is exact.
func endsDigits(word uint64) uint64 {
	digits := word ^ '0'*eachByte // 0 to 9
	return (digits + (0x80-10)*eachByte | digits) & highestBits
}

// firstByte returns the index of the byte with the lowest bit that is set, and 8 if no bit
// is.
func firstByte(found uint64) int { return bits.TrailingZeros64(found) / 8 }
