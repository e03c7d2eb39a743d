package metric

import (
	"errors"
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// checked is a value that may be written.
type checked struct {
	text      []byte // what to write as it is, nil for the number
	number    number
	signed    bool // write a plus too: it moves a gauge
	afterZero bool // the gauge has to be set to 0 first
}

func (v *checked) append(dst []byte) []byte {
	if v.text != nil {
		return append(dst, v.text...)
	}
	if v.signed && !v.number.negative {
		dst = append(dst, '+')
	}
	return v.number.append(dst)
}

// firstValue returns the parameter that says how much, and its name.
func firstValue(m *Metric) (name string, value *Value) {
	switch {
	case m.Time.Form != Absent:
		return "time", &m.Time
	case m.Shift.Form != Absent:
		return "shift", &m.Shift
	default:
		return "value", &m.Value
	}
}

// readValue checks a value of m that stands in the parameter name, and sets v,
// which is new, to it.
func (e *Encoder) readValue(v *checked, m *Metric, name string, value *Value) error {
	switch {
	case value.Form == Absent:
		if m.Kind == Count || m.Kind == Timing {
			v.number.zero = true
			return nil
		}
		return fmt.Errorf(`parameter "value" is missing: the type %s needs it`, m.Kind)
	case m.Kind == Set && value.Form == String:
		v.text = value.Text
		return e.checkSet(value.Text)
	case isPlain(value.Text) && name != "shift":
		v.text = value.Text
		return nil
	}
	if err := readNumber(&v.number, name, value); err != nil {
		return err
	}
	switch {
	case m.Kind == Timing && v.number.negative:
		return fmt.Errorf("parameter %q: %s is negative", name, quote.Bytes(value.Text))
	case m.Kind == Gauge && (name == "shift" || m.FromLine && isSigned(value.Text)):
		v.signed = true
	case m.Kind == Gauge:
		v.afterZero = v.number.negative
	}
	return nil
}

// isPlain tells whether a number is written as it stands: up to 18 digits with
// no zero in front. Most are.
func isPlain(text []byte) bool {
	if len(text) == 0 || len(text) > 18 || text[0] == '0' && len(text) > 1 {
		return false
	}
	for _, b := range text {
		if b-'0' > 9 {
			return false
		}
	}
	return true
}

func (e *Encoder) checkSet(text []byte) error {
	switch {
	case len(text) == 0:
		return errors.New(`parameter "value" is empty: a set needs one`)
	case len(text) > e.maxLine:
		return e.errTooLong()
	}
	if err := checkSetValue(text); err != nil {
		return fmt.Errorf(`parameter "value": %s %w`, quote.Bytes(text), err)
	}
	return nil
}

// readNumber reads the number in the parameter name, blanks around it dropped,
// into n, which is new.
func readNumber(n *number, name string, value *Value) error {
	if err := n.parse(TrimBlanks(value.Text)); err != nil {
		return fmt.Errorf("parameter %q: %s %w", name, quote.Bytes(value.Text), err)
	}
	return nil
}

// isSigned tells whether a number in a line moves a gauge: see "Gauges" in
// https://github.com/statsd/statsd/blob/master/docs/metric_types.md.
func isSigned(text []byte) bool {
	text = TrimBlanks(text)
	return len(text) > 0 && (text[0] == '+' || text[0] == '-')
}
