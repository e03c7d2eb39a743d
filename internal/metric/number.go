package metric

import (
	"errors"
	"math"
)

var (
	errNotNumber  = errors.New("is not a number")
	errTooLarge   = errors.New("is larger than 2^63 - 1")
	errTooPrecise = errors.New("has too many digits")
)

const (
	maxWhole = "9223372036854775807" // 2^63 - 1

	// minExponent is the decimal exponent of the smallest float64, 4.9e-324.
	minExponent = -324

	// maxDigits is the maximum number of digits of a number.
	maxDigits = 1024

	// maxExponent replaces all larger exponents. No accepted number has it, and
	// sums with it fit into an int.
	maxExponent = 1 << 30
)

// number is a decimal number whose digits are parts of the input.
//
//	-0012.3400e-1
//	   ^^ ^^          the significant digits, from first to last
//	  .^              point: the place of the decimal point, after the exponent
//
// It is exact: append copies digits and computes none.
type number struct {
	whole, frac []byte // the digits before and after the point
	first, last int    // the digits of whole and frac, counted together, without leading and trailing zeros
	point       int    // the number of digits of whole and frac before the point; may be negative or exceed them
	isNegative  bool   // false for zero
	isZero      bool
}

// parse parses src: an optional sign, digits with an optional point among or around
// them, and an optional exponent. The caller passes a zero n.
func (n *number) parse(src []byte) error {
	i := 0
	if i < len(src) && (src[i] == '-' || src[i] == '+') {
		n.isNegative = src[i] == '-'
		i++
	}
	n.whole, i = digits(src, i)
	if i < len(src) && src[i] == '.' {
		n.frac, i = digits(src, i+1)
	}
	if len(n.whole)+len(n.frac) == 0 {
		return errNotNumber
	}
	exponent := 0
	if i < len(src) && src[i]|0x20 == 'e' {
		if exponent, i = parseExponent(src, i+1); i < 0 {
			return errNotNumber
		}
	}
	if i != len(src) {
		return errNotNumber
	}

	n.point = len(n.whole) + exponent
	n.last = len(n.whole) + len(n.frac) - 1
	for n.first <= n.last && n.digit(n.first) == '0' {
		n.first++
	}
	for n.last > n.first && n.digit(n.last) == '0' {
		n.last--
	}
	switch {
	case n.first > n.last || n.underflows():
		*n = number{isZero: true}
	case n.isTooLarge():
		return errTooLarge
	case n.last-n.first >= maxDigits:
		return errTooPrecise
	}
	return nil
}

// digits returns the digits at src[i] and their end.
func digits(src []byte, i int) (run []byte, end int) {
	end = i
	for end < len(src) && src[end]-'0' <= 9 {
		end++
	}
	return src[i:end], end
}

// parseExponent parses an integer with an optional sign at src[i]. end is -1 if
// there is none.
func parseExponent(src []byte, i int) (exponent, end int) {
	negative := false
	if i < len(src) && (src[i] == '-' || src[i] == '+') {
		negative = src[i] == '-'
		i++
	}
	run, end := digits(src, i)
	if len(run) == 0 {
		return 0, -1
	}
	for _, d := range run {
		exponent = min(exponent*10+int(d-'0'), maxExponent)
	}
	if negative {
		exponent = -exponent
	}
	return exponent, end
}

func (n *number) digit(i int) byte {
	if i < len(n.whole) {
		return n.whole[i]
	}
	return n.frac[i-len(n.whole)]
}

// underflows reports whether n is nearer to 0 than to the smallest float64. All
// StatsD servers store numbers as float64.
func (n *number) underflows() bool {
	exponent := n.point - n.first - 1
	return exponent < minExponent || exponent == minExponent && n.float() == 0
}

// isTooLarge reports whether the magnitude of n is above 2^63 - 1.
func (n *number) isTooLarge() bool {
	size := n.point - n.first
	if size != len(maxWhole) {
		return size > len(maxWhole)
	}
	for i := range maxWhole {
		d := byte('0')
		if n.first+i <= n.last {
			d = n.digit(n.first + i)
		}
		if d != maxWhole[i] {
			return d > maxWhole[i]
		}
	}
	return n.last >= n.point // a fraction beyond 2^63 - 1
}

// append appends n without exponent, plus sign, and leading or trailing zeros.
func (n *number) append(dst []byte) []byte {
	if n.isZero {
		return append(dst, '0')
	}
	if n.isNegative {
		dst = append(dst, '-')
	}
	switch {
	case n.point <= n.first: // 0.00123
		dst = append(dst, '0', '.')
		dst = appendZeros(dst, n.first-n.point)
		return n.appendDigits(dst, n.first, n.last+1)
	case n.point > n.last: // 12300
		dst = n.appendDigits(dst, n.first, n.last+1)
		return appendZeros(dst, n.point-n.last-1)
	default: // 1.23
		dst = n.appendDigits(dst, n.first, n.point)
		dst = append(dst, '.')
		return n.appendDigits(dst, n.point, n.last+1)
	}
}

// appendDigits appends the digits from from (inclusive) to to (exclusive).
func (n *number) appendDigits(dst []byte, from, to int) []byte {
	w := len(n.whole)
	if from < w {
		dst = append(dst, n.whole[from:min(to, w)]...)
	}
	if to > w {
		dst = append(dst, n.frac[max(from, w)-w:to-w]...)
	}
	return dst
}

func appendZeros(dst []byte, count int) []byte {
	for range count {
		dst = append(dst, '0')
	}
	return dst
}

// isOne reports whether n is exactly 1.
func (n *number) isOne() bool {
	return !n.isZero && !n.isNegative && n.first == n.last && n.point == n.first+1 && n.digit(n.first) == '1'
}

// isBelowOne reports whether the magnitude of n is below 1.
func (n *number) isBelowOne() bool { return n.isZero || n.point <= n.first }

// float returns n as a float64, from its first 18 significant digits.
func (n *number) float() float64 {
	if n.isZero {
		return 0
	}
	end := min(n.last+1, n.first+18)
	mantissa := uint64(0)
	for i := n.first; i < end; i++ {
		mantissa = mantissa*10 + uint64(n.digit(i)-'0')
	}
	f := float64(mantissa)
	// The division takes two steps because 10^-324 is 0 as a float64.
	if shift := n.point - end; shift < -300 {
		f = f / 1e300 / math.Pow10(-shift-300)
	} else {
		f *= math.Pow10(shift)
	}
	if n.isNegative {
		return -f
	}
	return f
}
