package metric

import "fmt"

// maxGrowth bounds how much longer the lines of an entry with several values are
// than the entry. Each of the lines repeats the name and the tags, so a small
// request could become megabytes.
const maxGrowth = 8

// appendNegative adds the negative value v to the line of s, which sets the gauge
// to 0.
func (e *Encoder) appendNegative(dst []byte, s *spans, v *checkedValue) []byte {
	if e.gauge == gaugeZeroValue && e.canRepeatType(s) {
		if dst, ok := s.addValue(dst, v, repeatedType, e.maxLine); ok {
			return dst
		}
	}
	return s.appendLine(dst, v)
}

// canRepeatType reports whether the server reads several values with types in the
// line of s.
func (e *Encoder) canRepeatType(s *spans) bool {
	return s.sections == s.tagsEnd || e.traits.takesTagsAfterValues
}

// appendMore adds the values of m.More to the line of s, as far as the server reads
// them together and they fit into a line. The other values get lines of their own.
// Each of these lines is a group.
func (e *Encoder) appendMore(dst []byte, l *Lines, s *spans, m *Metric, param string) ([]byte, error) {
	form := e.traits.values
	switch {
	case form == repeatedType && !e.canRepeatType(s):
		form = onePerLine
	case form == repeatedType && m.Kind == Count && e.traits.takesContainerID:
		form = onePerLine
	case form == sharedType && m.Kind == Set:
		form = onePerLine // a value of a set may contain a colon there
	}
	start, lines, maxBytes := s.start, 1, maxGrowth*entryLength(m)
	for i := range m.More {
		var v checkedValue
		if err := e.checkValue(&v, m, param, &m.More[i]); err != nil {
			return nil, err
		}
		isAdded := false
		if form != onePerLine {
			dst, isAdded = s.addValue(dst, &v, form, e.maxLine)
		}
		if isAdded {
			l.Ends[len(l.Ends)-1] = len(dst)
		} else {
			dst = s.appendLine(dst, &v)
			lines++
			if len(dst)-s.start > e.maxLine {
				return nil, e.errTooLong()
			}
			l.Ends = append(l.Ends, len(dst))
		}
		if len(dst)-start-lines*s.added > maxBytes {
			return nil, fmt.Errorf("the values of the line would become lines of more than %d times its length; "+
				"--statsd-flavor can name a server that reads several values in a line", maxGrowth)
		}
	}
	return dst, nil
}

// entryLength returns the length of the line that m was, without blanks and
// extensions.
func entryLength(m *Metric) int {
	n := len(m.Name) + len("|") + len(kinds[m.Kind].letters) + len(":") + len(m.Value.Text)
	for i := range m.More {
		n += len(":") + len(m.More[i].Text)
	}
	for i := range m.Tags {
		n += len(",=") + len(m.Tags[i].Key) + len(m.Tags[i].Value)
	}
	if m.SampleRate.Form != Absent {
		n += len("|@") + len(m.SampleRate.Text)
	}
	return n
}
