package decode

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// decodeLine decodes one StatsD line.
//
//	name,env=prod:1:2|ms|@0.5|#locale:en-us|c:in-1234
//	^    ^        ^   ^  ^    ^             ^
//	name tags  values kind    DogStatsD     extension
//	                     rate tags
//
// The tags after the name are in the format of InfluxDB, or in the format of
// Graphite if a semicolon precedes them. Several values may also stand with their
// kinds and rates, as in Etsy StatsD:
//
//	name:1|ms|@0.5:2|ms|@0.5
func decodeLine(m *metric.Metric, line []byte) error {
	m.FromLine = true
	nameEnd, colon := splitHead(line)
	if colon == len(line) {
		return quote.Error("the line %s has no value", line)
	}
	m.Name = line[:nameEnd]
	if nameEnd < colon {
		if err := splitTags(m, line[nameEnd+1:colon], line[nameEnd], '='); err != nil {
			return err
		}
	}
	values, rest, ok := cut(line[colon+1:], '|')
	if !ok {
		return quote.Error("the line %s has no type", line)
	}
	if err := splitValues(m, values); err != nil {
		return err
	}
	return decodeSections(m, line, rest)
}

// splitHead returns the end of the name in a line, and the position of the colon
// after the tags. colon is len(line) if there is no colon.
func splitHead(line []byte) (nameEnd, colon int) {
	for nameEnd < len(line) {
		switch line[nameEnd] {
		case ':':
			return nameEnd, nameEnd
		case ',', ';':
			if i := bytes.IndexByte(line[nameEnd:], ':'); i >= 0 {
				return nameEnd, nameEnd + i
			}
			return nameEnd, len(line)
		}
		nameEnd++
	}
	return nameEnd, nameEnd
}

// splitValues splits values such as 1:2:3.
func splitValues(m *metric.Metric, values []byte) error {
	first, values, more := cut(values, ':')
	m.Value = metric.Value{Text: first, Form: metric.String}
	for more {
		var next []byte
		next, values, more = cut(values, ':')
		if err := addValue(m, next); err != nil {
			return err
		}
	}
	return nil
}

// maxValues is the maximum number of values of a line.
const maxValues = 1000

// addValue appends a value to m.More.
func addValue(m *metric.Metric, text []byte) error {
	if len(m.More) == maxValues-1 {
		return fmt.Errorf("the line has more than %d values", maxValues)
	}
	m.More = append(m.More, metric.Value{Text: text, Form: metric.String})
	return nil
}

// decodeSections decodes the sections after the first pipe of a line.
func decodeSections(m *metric.Metric, line, sections []byte) error {
	letters, sections, more := cut(sections, '|')
	letters, value, hasValue := cut(letters, ':')
	var ok bool
	if m.Kind, ok = metric.ParseLetters(letters); !ok {
		return quote.Error("unknown metric type %s", letters)
	}
	isFirst, hasRate := true, false // of the current value
	for hasValue || more {
		var section []byte
		if hasValue { // the next value with its type
			if !more {
				return quote.Error("the line %s has a value without a type", line)
			}
			if hasRate != (m.SampleRate.Form != metric.Absent) {
				return errDifferentRates
			}
			if err := addValue(m, value); err != nil {
				return err
			}
			section, sections, more = cut(sections, '|')
			section, value, hasValue = cut(section, ':')
			if !bytes.Equal(section, letters) {
				return quote.Error("the line %s has values of two types", line)
			}
			isFirst, hasRate = false, false
			continue
		}
		section, sections, more = cut(sections, '|')
		if len(section) == 0 || section[0] != '@' {
			if err := decodeSection(m, section); err != nil {
				return err
			}
			continue
		}
		if hasRate {
			return errors.New("the line has two sample rates")
		}
		section, value, hasValue = cut(section, ':')
		if err := setRate(m, section[1:], isFirst); err != nil {
			return err
		}
		hasRate = m.SampleRate.Form != metric.Absent
	}
	if hasRate != (m.SampleRate.Form != metric.Absent) {
		return errDifferentRates
	}
	return nil
}

// errDifferentRates says that not all values of a line have the same sample rate.
var errDifferentRates = errors.New("the values of the line have different sample rates")

// setRate sets the sample rate of m, or compares it with that of the first value.
// Gauges and sets have none: a rate in their lines has no meaning.
func setRate(m *metric.Metric, rate []byte, isFirst bool) error {
	switch {
	case m.Kind == metric.Gauge || m.Kind == metric.Set:
	case isFirst:
		m.SampleRate = metric.Value{Text: rate, Form: metric.String}
	case !bytes.Equal(m.SampleRate.Text, rate):
		return errDifferentRates
	}
	return nil
}

// decodeSection decodes a section that is not a sample rate: tags or an extension
// of DogStatsD, see
// https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/.
func decodeSection(m *metric.Metric, section []byte) error {
	switch {
	case bytes.HasPrefix(section, []byte("#")):
		return splitTags(m, section[1:], ',', ':')
	case isExtension(section):
		m.Extensions = append(m.Extensions, section)
		return nil
	}
	return quote.Error("the line has the unknown section %s", section)
}

// isExtension reports whether a section is a container ID (c:), external data (e:),
// a cardinality (card:) or a timestamp (T and digits).
func isExtension(section []byte) bool {
	for _, prefix := range [...]string{"c:", "e:", "card:"} {
		if len(section) > len(prefix) && string(section[:len(prefix)]) == prefix {
			return true
		}
	}
	if len(section) < 2 || section[0] != 'T' {
		return false
	}
	for _, b := range section[1:] {
		if b-'0' > 9 {
			return false
		}
	}
	return true
}

// setAbsolute sets m.IsAbsolute if line sets a gauge to a negative value, alone
// (name:0:-5|g) or together with the line before it (name:0|g and name:-5|g). m was
// decoded from line.
func (d *Decoder) setAbsolute(m *metric.Metric, line []byte) {
	switch {
	case len(m.More) == 1 && string(m.Value.Text) == "0" && bytes.HasPrefix(m.More[0].Text, []byte{'-'}):
		m.Value, m.More, m.IsAbsolute = m.More[0], m.More[:0], true
	case len(m.More) == 0 && bytes.HasPrefix(m.Value.Text, []byte{'-'}):
		_, colon := splitHead(line)
		head, tail := line[:colon+1], line[colon+1+len(m.Value.Text):]
		zero, hasHead := bytes.CutPrefix(d.previous, head)
		zero, hasTail := bytes.CutSuffix(zero, tail)
		m.IsAbsolute = hasHead && hasTail && string(zero) == "0" || d.followsReordered(m, line)
	}
}

// followsReordered reports whether the line before line is the same, but with the value 0
// and the tags in another order. It may sort m.Tags.
func (d *Decoder) followsReordered(m *metric.Metric, line []byte) bool {
	if len(m.Tags) < 2 || len(d.previous)-len("0") != len(line)-len(m.Value.Text) || !bytes.Contains(d.previous, []byte(":0|")) {
		return false // nearly always, so the line before is rarely decoded again
	}
	zero := &d.zero
	zero.Reset()
	if decodeLine(zero, d.previous) != nil || zero.Kind != metric.Gauge || string(zero.Value.Text) != "0" || len(zero.More) > 0 ||
		!bytes.Equal(zero.Name, m.Name) || !slices.EqualFunc(zero.Extensions, m.Extensions, bytes.Equal) {
		return false
	}
	slices.SortFunc(zero.Tags, compareTags)
	slices.SortFunc(m.Tags, compareTags)
	return slices.EqualFunc(zero.Tags, m.Tags, func(a, b metric.Tag) bool { return a.IsBare() == b.IsBare() && compareTags(a, b) == 0 })
}

// compareTags compares tags by their keys, then by their values.
func compareTags(a, b metric.Tag) int {
	return cmp.Or(bytes.Compare(a.Key, b.Key), bytes.Compare(a.Value, b.Value))
}
