package decode

import (
	"bytes"
	"errors"
	"io"

	"statsd-http-proxy/internal/metric"
)

// OpenBatch begins to decode a batch: a JSON array of metrics if the first
// character is a bracket, else StatsD lines.
func (d *Decoder) OpenBatch(body []byte) {
	d.scan = scanner{data: body}
	d.isArray = d.scan.peek() == '['
	d.hasStarted = false
	d.lines = body
}

// Next decodes the next entry of the batch into m. If the entry is bad, bad says
// why, and the next call continues after it. err is io.EOF at the end of the
// batch. Any other err says that the batch is malformed and cannot be read
// further.
func (d *Decoder) Next(m *metric.Metric) (bad, err error) {
	m.Reset()
	if d.isArray {
		return d.nextObject(m)
	}
	return d.nextLine(m)
}

// Lines returns the unread lines of a batch of lines. For a JSON array it returns
// nil. A caller that processes lines itself removes them with Skip.
func (d *Decoder) Lines() []byte {
	if d.isArray {
		return nil
	}
	return d.lines
}

// Skip removes the first n bytes of Lines. They must be whole lines.
func (d *Decoder) Skip(n int) { d.lines = d.lines[n:] }

// nextLine decodes the next line that is not blank.
func (d *Decoder) nextLine(m *metric.Metric) (bad, err error) {
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
			return decodeLine(m, line), nil
		}
	}
	return nil, io.EOF
}

// nextObject decodes the next entry of a JSON array.
func (d *Decoder) nextObject(m *metric.Metric) (bad, err error) {
	s := &d.scan
	switch {
	case !d.hasStarted:
		d.hasStarted = true
		s.consume('[') // OpenBatch has seen it
		if s.consume(']') {
			return nil, d.endArray()
		}
	case s.consume(']'):
		return nil, d.endArray()
	default:
		if err := s.expect(','); err != nil {
			return nil, err
		}
	}
	if s.peek() != '{' {
		return errors.New("the entry is not an object"), s.skip(0)
	}
	if d.fastObject(m) {
		return nil, nil
	}
	m.Reset()
	start := s.pos
	if bad = d.object(m, EntryParams); bad == nil {
		return nil, nil
	}
	if s.isMalformed {
		return nil, bad
	}
	s.pos = start
	return bad, s.skip(0)
}

// endArray returns io.EOF, or an error if something follows the array.
func (d *Decoder) endArray() error {
	if err := d.scan.end("array"); err != nil {
		return err
	}
	return io.EOF
}
