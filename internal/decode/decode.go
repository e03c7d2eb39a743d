// Package decode decodes the bodies and query strings of requests into metrics:
// JSON, forms, multipart forms and StatsD lines. It is pure: it knows no HTTP,
// no options and no log.
//
// It checks the grammar of its input only. Package metric checks names, numbers
// and tags.
package decode

import (
	"errors"
	"fmt"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// Decoder decodes one request after another and reuses its memory. The slices of
// a decoded Metric are parts of the request or of the Decoder: they are valid
// until the next call of a method of the Decoder. A Decoder is not safe for
// concurrent use.
type Decoder struct {
	params  Params
	seen    uint8  // a bit for each field that the current metric has
	scratch []byte // holds unescaped texts of the current metric
	scan    scanner

	// The state of a batch:
	lines      []byte // the unread lines; unused for JSON
	isArray    bool
	hasStarted bool // the opening bracket was read
}

// Params says which parameters a metric has besides its value.
type Params uint8

const (
	ValueParams Params = iota // none: the path of the request has the name and the type
	NamedParams               // the name: the path has the type
	EntryParams               // the name and the type
)

// begin prepares d for the parameters of a metric.
func (d *Decoder) begin(params Params) {
	d.params, d.seen, d.scratch = params, 0, d.scratch[:0]
	if cap(d.scratch) > maxScratch {
		d.scratch = nil
	}
}

// maxScratch is the maximum size of the scratch memory that d keeps for the next
// metric.
const maxScratch = 64 << 10

// end returns an error if a required parameter is missing.
func (d *Decoder) end() error {
	switch {
	case d.params >= NamedParams && d.seen&(1<<fieldName) == 0:
		return errors.New(`parameter "metric" is missing: it is the name`)
	case d.params >= EntryParams && d.seen&(1<<fieldKind) == 0:
		return errors.New(`parameter "metric_type" is missing`)
	}
	return nil
}

// field is one of the parameters of a metric.
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

// field returns the parameter with the given name. It returns false if d.params
// does not contain it.
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
		return fieldName, d.params >= NamedParams
	case "metric_type", "type":
		return fieldKind, d.params >= EntryParams
	}
	return 0, false
}

// markSeen records that the metric has the parameter f. It returns an error if
// the metric had it already.
func (d *Decoder) markSeen(f field, name []byte) error {
	if d.seen&(1<<f) != 0 {
		return fmt.Errorf("parameter %s is given twice", quote.Bytes(name))
	}
	d.seen |= 1 << f
	return nil
}

// setText sets the parameter f to text.
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

// valueOf returns where m holds the parameter f. f is not the name, the kind or
// the tags.
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

// errUnknown returns the error for a parameter that no metric has.
func errUnknown(name []byte) error {
	return fmt.Errorf("unknown parameter %s", quote.Bytes(name))
}
