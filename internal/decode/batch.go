package decode

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// OpenBatch begins a batch: a JSON array of metrics, seen from its first
// character, else StatsD lines.
func (d *Decoder) OpenBatch(body []byte) {
	d.scan = scanner{data: body}
	d.isArray = d.scan.peek() == '['
	d.begun = false
	d.lines = body
}

// Next decodes the next entry of the batch into m. A bad entry does not end
// the batch. err is io.EOF at the end, another error where the batch is
// malformed and cannot be read on.
func (d *Decoder) Next(m *metric.Metric) (bad, err error) {
	m.Reset()
	if d.isArray {
		return d.nextObject(m)
	}
	for len(d.lines) > 0 {
		line := d.lines
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line, d.lines = line[:i], line[i+1:]
		} else {
			d.lines = nil
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if len(metric.TrimBlanks(line)) > 0 {
			return readLine(m, line), nil
		}
	}
	return nil, io.EOF
}

// Lines returns what is left of a batch of lines, nothing of JSON. Who deals with
// some of them passes over them with Skip.
func (d *Decoder) Lines() []byte {
	if d.isArray {
		return nil
	}
	return d.lines
}

// Skip passes over n bytes of Lines, which have to end where a line does.
func (d *Decoder) Skip(n int) { d.lines = d.lines[n:] }

// nextObject decodes the next entry of a JSON array.
func (d *Decoder) nextObject(m *metric.Metric) (bad, err error) {
	s := &d.scan
	switch {
	case !d.begun:
		d.begun = true
		s.take('[') // OpenBatch has seen it
		if s.take(']') {
			return nil, d.endArray()
		}
	case s.take(']'):
		return nil, d.endArray()
	default:
		if err := s.expect(','); err != nil {
			return nil, err
		}
	}
	if s.peek() != '{' {
		return errors.New("the entry is not an object"), s.skip(0)
	}
	if d.plainObject(m) {
		return nil, nil
	}
	m.Reset()
	start := s.pos
	if bad = d.object(m, Entry); bad == nil {
		return nil, nil
	}
	if s.broken {
		return nil, bad
	}
	s.pos = start
	return bad, s.skip(0)
}

func (d *Decoder) endArray() error {
	if err := d.scan.end("array"); err != nil {
		return err
	}
	return io.EOF
}

// readLine decodes one StatsD line.
//
//	name,env=prod:1:2|ms|@0.5|#locale:en-us
//	^^^^ ^^^^^^^^ ^ ^ ^^  ^^^  ^^^^^^^^^^^^
//	name tags     │ │ │   rate DogStatsD's tags
//	              values kind
//
// Tags behind the name are those of InfluxDB, or with a semicolon in the
// comma's place those of Graphite.
func readLine(m *metric.Metric, line []byte) error {
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
	if err := readValues(m, values); err != nil {
		return err
	}
	for more {
		var section []byte
		section, rest, more = cut(rest, '|')
		if err := readSection(m, section); err != nil {
			return err
		}
	}
	return nil
}

// splitHead returns where the name in a line ends, and where the colon behind
// its tags is.
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

// cut is bytes.Cut at a byte, for texts so short that a search costs more than
// a look at each byte.
func cut(text []byte, at byte) (before, after []byte, found bool) {
	for i, b := range text {
		if b == at {
			return text[:i], text[i+1:], true
		}
	}
	return text, nil, false
}

// maxValues is how many values a line may have.
const maxValues = 1000

// readValues splits values like 1:2:3.
func readValues(m *metric.Metric, values []byte) error {
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

// readSection reads what stands behind one of the later pipes of a line: a
// sample rate or tags.
func readSection(m *metric.Metric, section []byte) error {
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
