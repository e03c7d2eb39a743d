package metric

import (
	"bytes"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// MaxName is how long a name may be, in bytes, with the prefix before it.
const MaxName = 255

// Encoder writes metrics as StatsD lines. It is safe for concurrent use.
type Encoder struct {
	prefix  []byte // checked, with what joins it to a name
	maxLine int
}

// NewEncoder returns an Encoder that puts prefix before every name, joined by
// a dot unless prefix ends in neither a letter nor a digit, and that refuses a
// metric which needs more than maxLine bytes.
func NewEncoder(prefix string, maxLine int) (*Encoder, error) {
	written, err := appendText(nil, []byte(prefix))
	if err != nil {
		return nil, fmt.Errorf("prefix %s %w", Quote([]byte(prefix)), err)
	}
	if r, _ := utf8.DecodeLastRune(written); unicode.IsLetter(r) || unicode.IsDigit(r) {
		written = append(written, '.')
	}
	if len(written) >= MaxName {
		return nil, fmt.Errorf("prefix %s leaves no room for a name within %d bytes", Quote([]byte(prefix)), MaxName)
	}
	return &Encoder{prefix: written, maxLine: maxLine}, nil
}

// Append checks m whole and appends its line to dst, without a line feed at
// the end. A negative gauge is two lines that belong into one datagram:
//
//	name,env=prod:0|g
//	name,env=prod:-5|g
//
// since StatsD reads a bare "-5|g" as a decrease.
//
// rate is the fraction of such metrics that the caller must let through, 1
// for all of them. On an error nothing is appended; the error names the
// parameter at fault.
func (e *Encoder) Append(dst []byte, m *Metric) (line []byte, rate float64, err error) {
	line, rate, err = e.append(dst, m)
	if err == nil && len(line)-len(dst) > e.maxLine {
		err = e.errTooLong()
	}
	if err != nil {
		return dst, 0, err
	}
	return line, rate, nil
}

func (e *Encoder) append(dst []byte, m *Metric) (line []byte, rate float64, err error) {
	start := len(dst)
	if err := checkKnown(m); err != nil {
		return nil, 0, err
	}
	if dst, err = e.appendName(dst, m.Name); err != nil {
		return nil, 0, err
	}
	if dst, err = e.appendTags(dst, m); err != nil {
		return nil, 0, err
	}
	dst = append(dst, ':')
	head := dst[start:]
	switch {
	case m.Kind == Set:
		dst, err = e.appendSetValue(dst, m.Value)
	case m.Kind == Gauge && m.Shift.Form != Absent:
		dst, err = appendShift(dst, m.Shift)
	case m.Kind == Gauge:
		dst, err = appendGauge(dst, head, m.Value)
	default:
		dst, err = appendAmount(dst, m)
	}
	if err != nil {
		return nil, 0, err
	}
	dst = append(dst, '|')
	dst = append(dst, kinds[m.Kind].wire...)
	return appendRate(dst, m.SampleRate)
}

// checkKnown refuses parameters that the kind of m does not know, and
// parameters that exclude each other.
func checkKnown(m *Metric) error {
	switch {
	case m.Shift.Form != Absent && m.Kind != Gauge:
		return fmt.Errorf(`parameter "shift" is for gauges, not for the type %s`, m.Kind)
	case m.Time.Form != Absent && m.Kind != Timing:
		return fmt.Errorf(`parameter "time" is for timings, not for the type %s`, m.Kind)
	case m.SampleRate.Form != Absent && m.Kind != Count && m.Kind != Timing:
		return fmt.Errorf(`parameter "sampleRate" is for counts and timings, not for the type %s`, m.Kind)
	case m.Shift.Form != Absent && m.Value.Form != Absent:
		return errors.New(`parameters "value" and "shift" exclude each other`)
	case m.Time.Form != Absent && m.Value.Form != Absent:
		return errors.New(`parameters "value" and "time" exclude each other`)
	}
	return nil
}

func (e *Encoder) appendName(dst, name []byte) ([]byte, error) {
	if err := checkSegments(name); err != nil {
		return nil, err
	}
	if len(name) > e.maxLine {
		return nil, e.errTooLong() // now, so that no input makes dst grow
	}
	start := len(dst)
	dst = append(dst, e.prefix...)
	dst, err := appendText(dst, name)
	if err != nil {
		return nil, fmt.Errorf("name %s %w", Quote(name), err)
	}
	if n := len(dst) - start; n > MaxName {
		return nil, fmt.Errorf("name %s takes %d bytes with the prefix, more than %d", Quote(name), n, MaxName)
	}
	return dst, nil
}

// checkSegments refuses names that a proxy on the way could have rewritten,
// see RFC 3986, section 6.2.2.3.
func checkSegments(name []byte) error {
	for rest, more := name, true; more; {
		var segment []byte
		segment, rest, more = bytes.Cut(rest, []byte{'/'})
		switch string(segment) {
		case "":
			if len(name) == 0 {
				return errors.New("name is empty")
			}
			return fmt.Errorf("name %s has an empty path segment", Quote(name))
		case ".", "..":
			return fmt.Errorf("name %s has the path segment %q", Quote(name), segment)
		}
	}
	return nil
}

// appendAmount writes the number of a count or a timing.
func appendAmount(dst []byte, m *Metric) ([]byte, error) {
	name, value := "value", m.Value
	if m.Time.Form != Absent {
		name, value = "time", m.Time
	}
	if value.Form == Absent {
		return append(dst, '0'), nil
	}
	n, err := readNumber(name, value)
	if err != nil {
		return nil, err
	}
	if m.Kind == Timing && n.negative {
		return nil, fmt.Errorf("parameter %q: %s is negative", name, Quote(value.Text))
	}
	return n.append(dst), nil
}

// appendGauge writes the number of a gauge, of whose line head is what stands
// before it; a negative one after a line that sets the gauge to 0.
func appendGauge(dst, head []byte, value Value) ([]byte, error) {
	if value.Form == Absent {
		return nil, errors.New(`parameter "value" is missing: a gauge needs it, or "shift"`)
	}
	n, err := readNumber("value", value)
	if err != nil {
		return nil, err
	}
	if n.negative {
		dst = append(dst, "0|g\n"...)
		dst = append(dst, head...)
	}
	return n.append(dst), nil
}

// appendShift writes how far a gauge moves, with its sign.
func appendShift(dst []byte, shift Value) ([]byte, error) {
	n, err := readNumber("shift", shift)
	if err != nil {
		return nil, err
	}
	if !n.negative {
		dst = append(dst, '+')
	}
	return n.append(dst), nil
}

func (e *Encoder) appendSetValue(dst []byte, value Value) ([]byte, error) {
	switch {
	case value.Form == Absent:
		return nil, errors.New(`parameter "value" is missing: a set needs it`)
	case value.Form == Number:
		n, err := readNumber("value", value)
		if err != nil {
			return nil, err
		}
		return n.append(dst), nil
	case len(value.Text) == 0:
		return nil, errors.New(`parameter "value" is empty: a set needs one`)
	case len(value.Text) > e.maxLine:
		return nil, e.errTooLong()
	}
	if err := checkSetValue(value.Text); err != nil {
		return nil, fmt.Errorf(`parameter "value": %s %w`, Quote(value.Text), err)
	}
	return append(dst, value.Text...), nil
}

// appendRate writes the mark of a sample rate, none for 1, and returns the
// rate.
func appendRate(dst []byte, value Value) ([]byte, float64, error) {
	if value.Form == Absent {
		return dst, 1, nil
	}
	n, err := readNumber("sampleRate", value)
	if err != nil {
		return nil, 0, err
	}
	switch {
	case n.isOne():
		return dst, 1, nil
	case n.zero || n.negative || !n.belowOne():
		return nil, 0, fmt.Errorf(`parameter "sampleRate": %s is not above 0 and at most 1`, Quote(value.Text))
	}
	return n.append(append(dst, '|', '@')), n.float(), nil
}

// readNumber reads the number in the parameter name, blanks around it dropped.
func readNumber(name string, value Value) (number, error) {
	text := value.Text
	if value.Form == String {
		text = trimBlanks(text)
	}
	n, err := parseNumber(text)
	if err != nil {
		return n, fmt.Errorf("parameter %q: %s %w", name, Quote(value.Text), err)
	}
	return n, nil
}

func (e *Encoder) errTooLong() error {
	return fmt.Errorf("the metric does not fit into one datagram of %d bytes", e.maxLine)
}
