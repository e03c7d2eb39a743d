package decode

import (
	"bytes"
	"errors"
	"io"

	"statsd-http-proxy/internal/metric"
)

// batchFormat is the format of a batch.
type batchFormat uint8

const (
	formatLines  batchFormat = iota // StatsD lines
	formatArray                     // a JSON array of objects
	formatObject                    // one JSON object
)

// OpenBatch begins to decode a batch: a JSON array of metrics if the first
// character is a bracket, one metric in JSON if it is a brace, and StatsD lines
// otherwise.
func (d *Decoder) OpenBatch(body []byte) {
	body = trimByteOrderMark(body)
	d.scan = scanner{data: body}
	switch d.scan.peek() {
	case '[':
		d.format = formatArray
	case '{':
		d.format = formatObject
	default:
		d.format = formatLines
	}
	d.hasStarted = false
	d.lines, d.previous, d.lastTags = body, nil, nil
}

// Next decodes the next entry of the batch into m. If the entry is bad, bad says
// why, and the next call continues after it. err is io.EOF at the end of the
// batch. Any other err says that the batch is malformed and cannot be read
// further.
func (d *Decoder) Next(m *metric.Metric) (bad, err error) {
	m.Reset()
	switch d.format {
	case formatArray:
		return d.nextElement(m)
	case formatObject:
		return d.singleObject(m)
	default:
		return d.nextLine(m)
	}
}

// Lines returns the unread lines of a batch of lines. For JSON it returns nil. A caller
// that processes lines itself removes them with Skip.
func (d *Decoder) Lines() []byte {
	if d.format != formatLines {
		return nil
	}
	return d.lines
}

// Skip removes the first n bytes of Lines, which must be whole lines, or the n bytes of
// the entry that Fields has returned.
func (d *Decoder) Skip(n int) {
	if d.format == formatLines {
		d.lines, d.previous = d.lines[n:], nil
		return
	}
	d.scan.pos += n
	d.hasStarted = true
}

// nextLine decodes the next line that is not blank.
func (d *Decoder) nextLine(m *metric.Metric) (bad, err error) {
	for len(d.lines) > 0 {
		var line []byte
		line, d.lines = cutLine(d.lines)
		if len(line) == 0 {
			d.previous = nil
			continue
		}
		bad = decodeLine(m, line)
		if bad == nil && m.Kind == metric.Gauge {
			d.setAbsolute(m, line)
		}
		d.previous = line
		return bad, nil
	}
	return nil, io.EOF
}

// cutLine returns the first of lines, without the blanks around it, and the others.
func cutLine(lines []byte) (line, rest []byte) {
	line = lines
	if i := bytes.IndexByte(lines, '\n'); i >= 0 {
		line, rest = lines[:i], lines[i+1:]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return metric.TrimBlanks(line), rest
}

// nextElement decodes the next element of a JSON array.
func (d *Decoder) nextElement(m *metric.Metric) (bad, err error) {
	s := &d.scan
	switch {
	case !d.hasStarted:
		d.hasStarted = true
		s.consume('[') // OpenBatch has seen it
		if s.consume(']') {
			return nil, d.endBatch("array")
		}
	case s.consume(']'):
		return nil, d.endBatch("array")
	default:
		if err := s.expect(','); err != nil {
			return nil, err
		}
	}
	if s.peek() != '{' {
		return errNoObject, s.skip(0)
	}
	return d.nextObject(m)
}

// singleObject decodes the object that is the whole batch.
func (d *Decoder) singleObject(m *metric.Metric) (bad, err error) {
	if d.hasStarted {
		if d.scan.peek() == '{' {
			return nil, errSeveralObjects
		}
		return nil, d.endBatch("object")
	}
	d.hasStarted = true
	return d.nextObject(m)
}

// errNoObject is the error for an element of an array that is not an object.
var errNoObject = errors.New("the entry is not an object")

// errSeveralObjects is the error for objects that are not in an array.
var errSeveralObjects = errors.New("the batch has several JSON objects: send an array of them, [{…}, {…}]")

// nextObject decodes the next object, whose brace OpenBatch or nextElement has
// seen.
func (d *Decoder) nextObject(m *metric.Metric) (bad, err error) {
	if d.fastObject(m) {
		return nil, nil
	}
	m.Reset()
	s := &d.scan
	start := s.pos
	d.begin(EntryParams)
	if bad = d.object(m); bad == nil {
		if bad = d.end(); bad == nil {
			return nil, nil
		}
	}
	if s.isMalformed {
		return nil, bad
	}
	s.pos = start
	return bad, s.skip(0)
}

// endBatch returns io.EOF, or an error if something follows the value.
func (d *Decoder) endBatch(value string) error {
	if err := d.scan.end(value); err != nil {
		return err
	}
	return io.EOF
}
