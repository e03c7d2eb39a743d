package metric

import (
	"errors"
	"fmt"
	"strings"
)

// Encoder writes metrics as StatsD lines. It is safe for concurrent use.
type Encoder struct {
	prefix              []byte // as written, with the dot after it if there is one
	maxLine             int
	flavor              Flavor
	traits              *flavorTraits
	format              *tagFormat
	names, keys, values *rules
	replacesNonASCII    bool // an underscore replaces each byte that is not ASCII, in names, tags and set values
	gauge               gaugeForm
	kinds               Kinds     // the kinds that the server knows
	repeats             Kinds     // the kinds for which the server repeats each value 1/rate times
	nameEdges           [256]byte // see mayBeReserved
	tags                []configuredTag
	reservedKeys        []string
	keyLengths          uint64 // the lengths for which needsKeyCheck returns true, a bit each
	metrics             Patterns
	denyMetrics         Patterns
	hasPatterns         bool // metrics or denyMetrics is not nil
	allowTags           Patterns
	fast                fastPath
}

// Allows reports whether requests of kind k have a route. If the server of a
// flavor does not know the kind, Append returns an error that says so.
func (e *Encoder) Allows(k Kind) bool { return e.flavor != FlavorNone || e.kinds.Has(k) }

// KindNames returns the accepted kinds as text for an error message.
func (e *Encoder) KindNames() string {
	var names []string
	for k := range kinds {
		if e.kinds.Has(Kind(k)) {
			names = append(names, kinds[k].name)
		}
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Append checks m and appends its lines to l. It sorts m.Tags by their keys. A
// negative gauge becomes two values, because most servers read a negative value
// alone as a decrease. The flavor decides whether they are two lines of a group or
// two values of a line:
//
//	name,env=prod:0|g              name,env=prod:0|g:-5|g
//	name,env=prod:-5|g
//
// If m.IsAbsolute is true and the last group of l sets the gauge to 0, the lines of m
// replace that group. Several values become one line if the server reads that, and
// a line each otherwise.
//
// scope is what the client may write; nil allows everything. If Append returns
// an error, it has appended nothing. The error names the wrong parameter. It is
// a *ForbiddenError if the metric is valid but the client may not write it.
func (e *Encoder) Append(l *Lines, m *Metric, scope *Scope) (Written, error) {
	groups := len(l.Ends)
	w, err := e.append(l, m, scope)
	if err != nil {
		l.Truncate(groups)
		return Written{}, err
	}
	return w, nil
}

func (e *Encoder) append(l *Lines, m *Metric, scope *Scope) (w Written, err error) {
	if err := e.checkParams(m); err != nil {
		return Written{}, err
	}
	dst := l.Bytes
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	s := spans{start: len(dst)}
	if dst, err = e.appendHead(dst, &s, m, scope); err != nil {
		return Written{}, err
	}
	var v checkedValue
	param, value := mainValue(m)
	if err := e.checkValue(&v, m, param, value); err != nil {
		return Written{}, err
	}
	if v.needsZero {
		dst = append(dst, '0')
	} else {
		dst = v.append(dst)
	}
	s.tail = len(dst)
	var rate float64
	if dst, rate, err = e.appendTail(dst, &s, m, scope); err != nil {
		return Written{}, err
	}
	start, previous := s.start, -1
	if m.IsAbsolute && v.number.isNegative {
		previous = l.startOfLastZero(dst[s.start:s.value], dst[s.tail:])
	}
	if v.needsZero {
		dst = e.appendNegative(dst, &s, &v)
	}
	if len(dst)-start > e.maxLine {
		return Written{}, e.errTooLong()
	}
	if previous >= 0 { // the line before has set the gauge to 0
		dst = append(dst[:previous], dst[start:]...)
		s.move(previous - start)
		l.Ends = l.Ends[:len(l.Ends)-1]
	}
	l.Ends = append(l.Ends, len(dst))
	if len(m.More) > 0 {
		if dst, err = e.appendMore(dst, l, &s, m, param); err != nil {
			return Written{}, err
		}
	}
	l.Bytes = dst
	w.Kind, w.Rate = m.Kind, rate
	if m.FromLine {
		w.Rate = 1 // the client has sampled
	}
	if e.repeats.Has(m.Kind) {
		w.Repeats = float64(1+len(m.More)) / rate
	}
	w.Name, w.nameEnd = dst[s.start:s.value-1], s.nameEnd-s.start
	w.Tags = dst[s.sections:s.tagsEnd]
	return w, nil
}

// appendHead appends the part of a line before its value: the name, the tags
// unless their format puts them at the end, and the colon.
func (e *Encoder) appendHead(dst []byte, s *spans, m *Metric, scope *Scope) ([]byte, error) {
	dst, err := e.appendName(dst, s, m, scope)
	if err == nil && !e.format.atEnd {
		dst, err = e.appendTags(dst, s, m.Tags, scope)
	}
	if err != nil {
		return nil, err
	}
	dst = append(dst, ':')
	s.value = len(dst)
	return dst, nil
}

// appendTail appends the part of a line after its value, such as
// |c|@0.1|#env:prod|c:in-1: the type and the sample rate, then the sections, which are
// the tags, if their format puts them at the end, and the extensions. It returns the
// sample rate.
func (e *Encoder) appendTail(dst []byte, s *spans, m *Metric, scope *Scope) (_ []byte, rate float64, err error) {
	dst = append(dst, '|')
	dst = append(dst, kinds[m.Kind].letters...)
	if dst, rate, err = appendRate(dst, m); err != nil {
		return nil, 0, err
	}
	s.sections = len(dst)
	s.typeLen = s.sections - s.tail
	if e.format.atEnd {
		if dst, err = e.appendTagsAtEnd(dst, s, m.Tags, scope); err != nil {
			return nil, 0, err
		}
	}
	s.tagsEnd = len(dst)
	if e.traits.takesExtensions {
		for _, extension := range m.Extensions {
			if err := checkExtension(extension); err != nil {
				return nil, 0, err
			}
			dst = append(append(dst, '|'), extension...)
		}
	}
	s.end = len(dst)
	return dst, rate, nil
}

// checkParams rejects parameters that the server or the kind of m does not know,
// and parameters that exclude each other.
func (e *Encoder) checkParams(m *Metric) error {
	switch {
	case !e.kinds.Has(m.Kind) && e.flavor != FlavorNone:
		return e.traits.errUnsupported("the type " + m.Kind.String())
	case !e.kinds.Has(m.Kind):
		return fmt.Errorf("the type %s is not enabled here", m.Kind)
	case m.SampleRate.Form != Absent && !kinds[m.Kind].hasRate:
		return fmt.Errorf(`parameter "sampleRate" is for counts and timings, not for the type %s`, m.Kind)
	case m.Shift.Form == Absent && m.Time.Form == Absent:
		return nil
	case m.Shift.Form != Absent && m.Kind != Gauge:
		return fmt.Errorf(`parameter "shift" is for gauges, not for the type %s`, m.Kind)
	case m.Time.Form != Absent && !timedKinds.Has(m.Kind):
		return fmt.Errorf(`parameter "time" is for timings, not for the type %s`, m.Kind)
	case m.Shift.Form != Absent && !e.traits.hasShift:
		return e.traits.errUnsupported(`the parameter "shift" of gauges`)
	case m.Value.Form == Absent:
		return nil
	case m.Shift.Form != Absent:
		return errors.New(`parameters "value" and "shift" exclude each other`)
	default:
		return errors.New(`parameters "value" and "time" exclude each other`)
	}
}

// LengthError says that the line of a metric is too long.
type LengthError struct{ maxLine int }

func (e *LengthError) Error() string {
	return fmt.Sprintf("the metric does not fit into one datagram of %d bytes", e.maxLine)
}

func (e *Encoder) errTooLong() error {
	return &LengthError{e.maxLine}
}
