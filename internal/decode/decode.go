// Package decode turns what a request carries into metrics: JSON, a form, a
// multipart form, a query string, StatsD lines. It is pure: it knows no HTTP,
// reads no option and writes no log.
//
// What it returns is unchecked but for its grammar; package metric does the
// rest.
package decode

import (
	"errors"
	"fmt"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// Decoder decodes one request after the other, reusing its memory. The slices
// of a decoded Metric belong to the request's bytes and to the Decoder: they
// are valid until its next call. It is not safe for concurrent use.
type Decoder struct {
	want    Want
	seen    uint8  // a bit for each field of the current metric
	scratch []byte // holds the texts that had to be unescaped
	scan    scanner

	// Of a batch.
	lines   []byte // what is left, unless it is JSON
	isArray bool
	begun   bool
}

// Want says what a metric's parameters have to tell besides how much.
type Want uint8

const (
	Params Want = iota // nothing: name and kind stand in the path
	Named              // the name
	Entry              // the name and the kind
)

// begin prepares for the parameters of a metric.
func (d *Decoder) begin(want Want) {
	d.want, d.seen, d.scratch = want, 0, d.scratch[:0]
	if cap(d.scratch) > maxScratch {
		d.scratch = nil
	}
}

// maxScratch is how much memory is kept for the next metric.
const maxScratch = 64 << 10

// end tells whether the metric's parameters were all there.
func (d *Decoder) end() error {
	switch {
	case d.want >= Named && d.seen&(1<<fieldName) == 0:
		return errors.New(`parameter "metric" is missing: it is the name`)
	case d.want >= Entry && d.seen&(1<<fieldKind) == 0:
		return errors.New(`parameter "metric_type" is missing`)
	}
	return nil
}

// field is one of the parameters that a metric may have.
type field uint8

const (
	fieldValue field = iota
	fieldTime
	fieldShift
	fieldRate
	fieldTags
	fieldName
	fieldKind
)

// field returns which parameter is called name, false for none that is wanted.
func (d *Decoder) field(name []byte) (field, bool) {
	switch string(name) {
	case "value":
		return fieldValue, true
	case "time":
		return fieldTime, true
	case "shift":
		return fieldShift, true
	case "sampleRate":
		return fieldRate, true
	case "tags":
		return fieldTags, true
	case "metric", "name":
		return fieldName, d.want >= Named
	case "metric_type", "type":
		return fieldKind, d.want >= Entry
	}
	return 0, false
}

// mark notes that a parameter is given and refuses one that was before.
func (d *Decoder) mark(f field, name []byte) error {
	if d.seen&(1<<f) != 0 {
		return fmt.Errorf("parameter %s is given twice", quote.Bytes(name))
	}
	d.seen |= 1 << f
	return nil
}

// setText sets a parameter to text.
func setText(m *metric.Metric, f field, text []byte) error {
	switch f {
	case fieldTags:
		return splitTags(m, text, ',', '=')
	case fieldName:
		m.Name = text
	case fieldKind:
		kind, ok := metric.ParseKind(text)
		if !ok {
			return fmt.Errorf("unknown metric type %s", quote.Bytes(text))
		}
		m.Kind = kind
	default:
		*valueOf(m, f) = metric.Value{Text: text, Form: metric.String}
	}
	return nil
}

// valueOf returns where to put a parameter that is a plain value.
func valueOf(m *metric.Metric, f field) *metric.Value {
	switch f {
	case fieldTime:
		return &m.Time
	case fieldShift:
		return &m.Shift
	case fieldRate:
		return &m.SampleRate
	default:
		return &m.Value
	}
}

// splitTags reads tags like env=prod,locale=en-us. Blanks around the
// separators are no part of a key or value.
func splitTags(m *metric.Metric, text []byte, separates, joins byte) error {
	text = metric.TrimBlanks(text)
	if len(text) == 0 {
		return nil
	}
	for more := true; more; {
		var tag []byte
		tag, text, more = cut(text, separates)
		key, value, isPair := cut(tag, joins)
		if !isPair {
			return fmt.Errorf(`parameter "tags": %s is not a key%cvalue pair`, quote.Bytes(tag), joins)
		}
		if err := addTag(m, metric.TrimBlanks(key), metric.TrimBlanks(value)); err != nil {
			return err
		}
	}
	return nil
}

// maxTags is how many tags a metric may have: more than fit into a datagram.
const maxTags = 400

func addTag(m *metric.Metric, key, value []byte) error {
	if len(m.Tags) == maxTags {
		return fmt.Errorf(`parameter "tags": there are more than %d`, maxTags)
	}
	m.Tags = append(m.Tags, metric.Tag{Key: key, Value: value})
	return nil
}

// Tags reads tags like env=prod,locale=en-us from outside of a request.
func Tags(text []byte) ([]metric.Tag, error) {
	var m metric.Metric
	err := splitTags(&m, text, ',', '=')
	return m.Tags, err
}

// errUnknown names a parameter that no kind of metric has.
func errUnknown(name []byte) error {
	return fmt.Errorf("unknown parameter %s", quote.Bytes(name))
}
