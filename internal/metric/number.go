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

	// minExponent is the power of ten of the smallest float64, 4.9e-324.
	minExponent = -324

	// maxDigits bounds what one number may write.
	maxDigits = 1024

	// maxExponent is where reading an exponent stops: far outside of what
	// any accepted number has, far inside of what an int holds.
	maxExponent = 1 << 30
)

// number is a decimal number as it was written, its digits still in the input.
//
//	-0012.3400e-1
//	   ^^ ^^          first to last, the digits that count
//	  .^              point: where the decimal point stands after the exponent
//
// It is exact: digits are copied, never computed.
type number struct {
	whole, frac []byte // the digits before and after the point
	first, last int    // of the digits of whole and frac together: those that are not padding zeros
	point       int    // how many of those digits stand before the point; may lie outside of them
	negative    bool   // never for zero
	zero        bool
}

// parse reads src into n, which is new: an optional sign, digits, an optional
// fraction and an optional exponent, with nothing around them.
func (n *number) parse(src []byte) error {
	i := 0
	if i < len(src) && (src[i] == '-' || src[i] == '+') {
		n.negative = src[i] == '-'
		i++
	}
	n.whole, i = digits(src, i)
	if len(n.whole) == 0 {
		return errNotNumber
	}
	if i < len(src) && src[i] == '.' {
		if n.frac, i = digits(src, i+1); len(n.frac) == 0 {
			return errNotNumber
		}
	}
	exponent := 0
	if i < len(src) && src[i]|0x20 == 'e' {
		if exponent, i = readExponent(src, i+1); i < 0 {
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
		*n = number{zero: true}
	case n.tooLarge():
		return errTooLarge
	case n.last-n.first >= maxDigits:
		return errTooPrecise
	}
	return nil
}

// digits returns the digits of src from i on, and where they end.
func digits(src []byte, i int) (run []byte, end int) {
	end = i
	for end < len(src) && src[end]-'0' <= 9 {
		end++
	}
	return src[i:end], end
}

// readExponent reads a signed whole number of src from i on. end is -1 where
// there is none.
func readExponent(src []byte, i int) (exponent, end int) {
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

// underflows tells whether n is nearer to 0 than to the smallest float64, which
// is what every StatsD reads a number into.
func (n *number) underflows() bool {
	exponent := n.point - n.first - 1
	return exponent < minExponent || exponent == minExponent && n.float() == 0
}

// tooLarge tells whether the magnitude of n is above 2^63 - 1.
func (n *number) tooLarge() bool {
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
	return n.last >= n.point // a fraction on top of 2^63 - 1
}

// append writes n in StatsD's form: no exponent, no leading plus, no padding.
func (n *number) append(dst []byte) []byte {
	if n.zero {
		return append(dst, '0')
	}
	if n.negative {
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

// appendDigits writes the digits from (included) to to (excluded).
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

// isOne tells whether n is 1 exactly.
func (n *number) isOne() bool {
	return !n.zero && !n.negative && n.first == n.last && n.point == n.first+1 && n.digit(n.first) == '1'
}

// belowOne tells whether the magnitude of n is below 1.
func (n *number) belowOne() bool { return n.zero || n.point <= n.first }

// float returns n to about 18 digits.
func (n *number) float() float64 {
	if n.zero {
		return 0
	}
	end := min(n.last+1, n.first+18)
	mantissa := uint64(0)
	for i := n.first; i < end; i++ {
		mantissa = mantissa*10 + uint64(n.digit(i)-'0')
	}
	f := float64(mantissa)
	// In two steps, since 10^-324 alone would be 0.
	if shift := n.point - end; shift < -300 {
		f = f / 1e300 / math.Pow10(-shift-300)
	} else {
		f *= math.Pow10(shift)
	}
	if n.negative {
		return -f
	}
	return f
}
