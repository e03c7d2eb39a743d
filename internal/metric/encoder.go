package metric

import (
	"errors"
	"fmt"
)

// maxExpanded is the maximum size in bytes of the lines that one line of several
// values becomes. Each of them repeats the name and the tags.
const maxExpanded = 64 << 10

// Encoder writes metrics as StatsD lines. It is safe for concurrent use.
type Encoder struct {
	prefix              []byte // as written, with the dot after it if there is one
	maxLine             int
	format              *tagFormat
	names, keys, values *rules
	tags                []configuredTag
	histograms          bool
	metrics             Patterns
	fast                fastPath
}

// Allows reports whether the encoder accepts metrics of kind k.
func (e *Encoder) Allows(k Kind) bool { return k < Histogram || e.histograms }

// KindNames returns the accepted kinds as text for an error message.
func (e *Encoder) KindNames() string {
	if e.histograms {
		return "count, gauge, timing, set, histogram and distribution"
	}
	return "count, gauge, timing and set"
}

// Append checks m and appends its lines to l. A negative gauge becomes a group
// of two lines, because StatsD reads the second line alone as a decrease:
//
//	name,env=prod:0|g
//	name,env=prod:-5|g
//
// A line of several values becomes one line for each value, because not every
// server reads several.
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
		return w, err
	}
	dst := l.Bytes
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	s := spans{start: len(dst)}
	if dst, err = e.appendHead(dst, m, scope); err != nil {
		return w, err
	}
	s.value = len(dst)
	var v checkedValue
	param, value := mainValue(m)
	if err := e.checkValue(&v, m, param, value); err != nil {
		return w, err
	}
	if v.needsZero {
		dst = append(dst, '0')
	} else {
		dst = v.append(dst)
	}
	s.tail = len(dst)
	if dst, w.Rate, err = e.appendTail(dst, &s, m); err != nil {
		return w, err
	}
	if v.needsZero {
		dst = s.appendLine(dst, &v)
	}
	if len(dst)-s.start > e.maxLine {
		return w, e.errTooLong()
	}
	l.Ends = append(l.Ends, len(dst))
	if dst, err = e.appendMore(dst, l, &s, m, param); err != nil {
		return w, err
	}
	l.Bytes = dst
	w.Name, w.Tags = dst[s.start:s.value-1], dst[s.tags:s.end]
	return w, nil
}

// spans holds where the parts of a line begin in a buffer, so that further lines
// can repeat the head and the tail around another value.
//
//	name,env=prod:1|c|@0.1        name:1|c|@0.1|#env:prod
//	^             ^^       ^      ^    ^^      ^         ^
//	start     value tail   end    start value  tags      end
//	                                    tail
type spans struct{ start, value, tail, tags, end int }

// appendLine appends a line feed and a line with the value v. dst holds the line
// that s describes.
func (s *spans) appendLine(dst []byte, v *checkedValue) []byte {
	dst = append(dst, '\n')
	dst = append(dst, dst[s.start:s.value]...)
	dst = v.append(dst)
	return append(dst, dst[s.tail:s.end]...)
}

// appendHead appends the part of a line before its value: the name, the tags
// unless their format puts them at the end, and the colon.
func (e *Encoder) appendHead(dst []byte, m *Metric, scope *Scope) ([]byte, error) {
	dst, err := e.appendName(dst, m, scope)
	if err == nil && !e.format.atEnd {
		dst, err = e.appendTags(dst, m.Tags)
	}
	if err != nil {
		return nil, err
	}
	return append(dst, ':'), nil
}

// appendTail appends the part of a line after its value: the type, the sample
// rate, and the tags if their format puts them at the end. It returns the
// fraction of such metrics that the caller must forward.
func (e *Encoder) appendTail(dst []byte, s *spans, m *Metric) (_ []byte, forward float64, err error) {
	dst = append(dst, '|')
	dst = append(dst, kinds[m.Kind].letters...)
	if dst, forward, err = appendRate(dst, m); err != nil {
		return nil, 0, err
	}
	s.tags = len(dst)
	if e.format.atEnd {
		if dst, err = e.appendTagsAtEnd(dst, m.Tags); err != nil {
			return nil, 0, err
		}
	}
	s.end = len(dst)
	return dst, forward, nil
}

// appendMore appends a line for each value of m.More. Each of these lines is a
// group of its own.
func (e *Encoder) appendMore(dst []byte, l *Lines, s *spans, m *Metric, param string) ([]byte, error) {
	for i := range m.More {
		var v checkedValue
		if err := e.checkValue(&v, m, param, &m.More[i]); err != nil {
			return nil, err
		}
		lineFeed := len(dst)
		dst = s.appendLine(dst, &v)
		switch {
		case len(dst)-lineFeed-1 > e.maxLine:
			return nil, e.errTooLong()
		case len(dst)-s.start > maxExpanded:
			return nil, fmt.Errorf("the values of the line make lines of more than %d bytes", maxExpanded)
		}
		l.Ends = append(l.Ends, len(dst))
	}
	return dst, nil
}

// checkParams rejects parameters that the kind of m does not have, and
// parameters that exclude each other.
func (e *Encoder) checkParams(m *Metric) error {
	switch {
	case !e.Allows(m.Kind):
		return fmt.Errorf("the type %s is not enabled here", m.Kind)
	case m.SampleRate.Form != Absent && !kinds[m.Kind].hasRate:
		return fmt.Errorf(`parameter "sampleRate" is for counts and timings, not for the type %s`, m.Kind)
	case m.Shift.Form == Absent && m.Time.Form == Absent:
		return nil
	case m.Shift.Form != Absent && m.Kind != Gauge:
		return fmt.Errorf(`parameter "shift" is for gauges, not for the type %s`, m.Kind)
	case m.Time.Form != Absent && m.Kind != Timing:
		return fmt.Errorf(`parameter "time" is for timings, not for the type %s`, m.Kind)
	case m.Value.Form == Absent:
		return nil
	case m.Shift.Form != Absent:
		return errors.New(`parameters "value" and "shift" exclude each other`)
	default:
		return errors.New(`parameters "value" and "time" exclude each other`)
	}
}

func (e *Encoder) errTooLong() error {
	return fmt.Errorf("the metric does not fit into one datagram of %d bytes", e.maxLine)
}
