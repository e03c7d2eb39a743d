package decode

import (
	"bytes"
	"errors"
	"fmt"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// decodeLine decodes one StatsD line.
//
//	name,env=prod:1:2|ms|@0.5|#locale:en-us
//	^    ^        ^   ^  ^    ^
//	name tags  values kind    DogStatsD tags
//	                     rate
//
// The tags after the name are in the format of InfluxDB, or in the format of
// Graphite if a semicolon precedes them.
func decodeLine(m *metric.Metric, line []byte) error {
	m.FromLine = true
	nameEnd, colon := splitHead(line)
	if colon == len(line) {
		return fmt.Errorf("the line %s has no value", quote.Bytes(line))
	}
	m.Name = line[:nameEnd]
	if nameEnd < colon {
		if err := splitTags(m, line[nameEnd+1:colon], line[nameEnd], '='); err != nil {
			return err
		}
	}
	values, rest, ok := cut(line[colon+1:], '|')
	if !ok {
		return fmt.Errorf("the line %s has no type", quote.Bytes(line))
	}
	letters, rest, more := cut(rest, '|')
	if m.Kind, ok = metric.ParseLetters(letters); !ok {
		return fmt.Errorf("unknown metric type %s", quote.Bytes(letters))
	}
	if err := splitValues(m, values); err != nil {
		return err
	}
	for more {
		var section []byte
		section, rest, more = cut(rest, '|')
		if err := decodeSection(m, section); err != nil {
			return err
		}
	}
	return nil
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

// maxValues is the maximum number of values of a line.
const maxValues = 1000

// splitValues splits values such as 1:2:3.
func splitValues(m *metric.Metric, values []byte) error {
	first, values, more := cut(values, ':')
	m.Value = metric.Value{Text: first, Form: metric.String}
	for more {
		var next []byte
		next, values, more = cut(values, ':')
		if len(m.More) == maxValues-1 {
			return fmt.Errorf("the line has more than %d values", maxValues)
		}
		m.More = append(m.More, metric.Value{Text: next, Form: metric.String})
	}
	return nil
}

// decodeSection decodes a section of a line after the type: a sample rate or
// tags.
func decodeSection(m *metric.Metric, section []byte) error {
	switch {
	case len(section) > 0 && section[0] == '@':
		if m.SampleRate.Form != metric.Absent {
			return errors.New("the line has two sample rates")
		}
		m.SampleRate = metric.Value{Text: section[1:], Form: metric.String}
		return nil
	case len(section) > 0 && section[0] == '#':
		return splitTags(m, section[1:], ',', ':')
	}
	return fmt.Errorf("the line has the unknown section %s", quote.Bytes(section))
}
