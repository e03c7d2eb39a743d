package metric

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"statsd-http-proxy/internal/quote"
)

// checkedValue is a value that passed all checks.
type checkedValue struct {
	text             []byte // the value as it is written; nil for the number
	number           number
	replacesNonASCII bool // append replaces each byte of text that is not ASCII by an underscore
	isShift          bool // the value moves a gauge, so append writes a sign in any case
	needsZero        bool // the value is a negative gauge, so a value 0 must come before it
}

// append appends the value as it stands in a line.
func (v *checkedValue) append(dst []byte) []byte {
	if v.text != nil {
		start := len(dst)
		dst = append(dst, v.text...)
		if v.replacesNonASCII {
			replaceNonASCII(dst[start:])
		}
		return dst
	}
	if v.isShift && !v.number.isNegative {
		dst = append(dst, '+')
	}
	return v.number.append(dst)
}

// replaceNonASCII replaces each byte that is not ASCII by an underscore.
func replaceNonASCII(text []byte) {
	for i, b := range text {
		if b >= utf8.RuneSelf {
			text[i] = '_'
		}
	}
}

// mainValue returns the parameter that holds the value of m, and its name.
func mainValue(m *Metric) (param string, value *Value) {
	switch {
	case m.Time.Form != Absent:
		return "time", &m.Time
	case m.Shift.Form != Absent:
		return "shift", &m.Shift
	default:
		return "value", &m.Value
	}
}

// checkValue checks a value of m and stores it in v, which must be zero. param is the
// name of the parameter that holds the value: value, time or shift.
func (e *Encoder) checkValue(v *checkedValue, m *Metric, param string, value *Value) error {
	switch {
	case value.Form == Absent:
		if m.Kind == Count || timedKinds.Has(m.Kind) {
			v.number.isZero = true
			return nil
		}
		return fmt.Errorf(`parameter "value" is missing: the type %s needs it`, m.Kind)
	case m.Kind == Set && value.Form == String:
		v.text, v.replacesNonASCII = value.Text, e.replacesNonASCII
		return e.checkSet(value.Text)
	case isShortInteger(value.Text) && param != "shift":
		v.text = value.Text
		return nil
	}
	if err := parseParam(&v.number, param, value); err != nil {
		return err
	}
	switch {
	case (m.Kind == Timing || param == "time") && v.number.isNegative:
		return quote.Error(`parameter "`+param+`": %s is negative`, value.Text)
	case m.Kind == Set && v.number.isNegative && e.flavor == FlavorTelegraf:
		return errSignedSet(value.Text)
	case m.Kind != Gauge:
		return nil
	case param == "shift" || m.FromLine && !m.IsAbsolute && hasSign(value.Text):
		if !e.traits.hasShift {
			return e.traits.errUnsupported("gauge values that move a gauge, such as " + quote.Bytes(value.Text))
		}
		v.isShift = true
	default:
		v.needsZero = v.number.isNegative && e.gauge != gaugeSigned
	}
	return nil
}

// maxShortDigits is the maximum number of digits of an integer that is certainly no larger
// than 2^63 - 1.
const maxShortDigits = 18

// isShortInteger reports whether text is a number in its final form: up to 18
// digits without a leading zero. Most numbers are.
func isShortInteger(text []byte) bool {
	if len(text) == 0 || len(text) > maxShortDigits || text[0] == '0' && len(text) > 1 {
		return false
	}
	for _, b := range text {
		if b-'0' > 9 {
			return false
		}
	}
	return true
}

// checkSet checks a value of a set.
func (e *Encoder) checkSet(text []byte) error {
	switch {
	case len(text) == 0:
		return errors.New(`parameter "value" is empty: a set needs one`)
	case len(text) > e.maxLine:
		return e.errTooLong()
	case e.flavor == FlavorTelegraf && (text[0] == '+' || text[0] == '-'):
		return errSignedSet(text)
	}
	if err := checkSetValue(text); err != nil {
		return quote.Wrap(`parameter "value": %s %w`, text, err)
	}
	return nil
}

// errSignedSet returns the error for a value of a set that Telegraf drops.
func errSignedSet(text []byte) error {
	return flavors[FlavorTelegraf].errUnsupported("values of sets that start with a sign, such as " + quote.Bytes(text))
}

// parseParam parses the number in the parameter param, without the blanks around
// it. The caller passes a zero n.
func parseParam(n *number, param string, value *Value) error {
	if err := n.parse(TrimBlanks(value.Text)); err != nil {
		return quote.Wrap(`parameter "`+param+`": %s %w`, value.Text, err)
	}
	return nil
}

// hasSign reports whether a number begins with a sign. In a line, such a number
// moves a gauge, see "Gauges" in
// https://github.com/statsd/statsd/blob/master/docs/metric_types.md.
func hasSign(text []byte) bool {
	text = TrimBlanks(text)
	return len(text) > 0 && (text[0] == '+' || text[0] == '-')
}
