// Package decode decodes the bodies and query strings of requests into metrics:
// JSON, forms, multipart forms and StatsD lines. It is pure: it knows no HTTP,
// no options and no log.
//
// It checks the grammar of its input only. Package metric checks names, numbers
// and tags.
package decode

import (
	"errors"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// Decoder decodes one request after another and reuses its memory. The slices of
// a decoded Metric are parts of the request or of the Decoder: they are valid
// until the next call of a method of the Decoder. A Decoder is not safe for
// concurrent use.
type Decoder struct {
	params  Params
	seen    uint8  // a bit for each field that was decoded from the current part, the query or the body
	inQuery uint8  // a bit for each field that the query has, while the body is decoded
	nulls   uint8  // a bit for each field that is null in the body
	scratch []byte // holds unescaped texts of the current metric
	scan    scanner
	fields  metric.Fields // of the current entry, if scanFields has decoded it

	// The state of a batch:
	lastTags   []byte        // the last tags that are a string, with their quotes, if scanTags has read them
	lines      []byte        // the unread lines; unused for JSON
	previous   []byte        // the line before lines, if Next has decoded it; nil for none
	zero       metric.Metric // previous, decoded by followsReordered
	format     batchFormat
	hasStarted bool // the opening bracket or the only object was read
}

// Input is a request with one metric.
type Input struct {
	Body  []byte
	Query []byte // the query string as the client sent it

	// Boundary is the boundary of a body of the type multipart/form-data. It is
	// empty for all other types.
	Boundary string

	Params Params
}

// Decode decodes the parameters of one metric into m. If the first character of the
// body, after white space, is a brace, the body is a JSON object, whatever its
// content type is. Otherwise it is a form: a multipart form if in has a Boundary. The
// query string may have some of the parameters, but none that the body has. Decode
// ignores its parameter token. It does not keep in.
func (d *Decoder) Decode(m *metric.Metric, in *Input) error {
	d.begin(in.Params)
	if len(in.Query) > 0 {
		if err := d.query(m, in.Query); err != nil {
			return err
		}
		d.inQuery, d.seen = d.seen, 0
	}
	body := trimByteOrderMark(in.Body)
	var err error
	switch {
	case len(body) == 0:
	case isJSON(body):
		err = d.json(m, body)
	case in.Boundary != "":
		err = d.multipart(m, body, in.Boundary)
	default:
		err = d.form(m, body)
	}
	if err != nil {
		return err
	}
	return d.end()
}

// trimByteOrderMark returns body without the byte order mark at its beginning.
func trimByteOrderMark(body []byte) []byte {
	const mark = "\ufeff"
	if len(body) >= len(mark) && string(body[:len(mark)]) == mark {
		return body[len(mark):]
	}
	return body
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
	d.params, d.seen, d.inQuery, d.nulls = params, 0, 0, 0
	d.resetScratch()
}

// resetScratch empties d.scratch for the next metric.
func (d *Decoder) resetScratch() {
	d.scratch = d.scratch[:0]
	if cap(d.scratch) > maxScratch {
		d.scratch = nil
	}
}

// maxScratch is the maximum size of the scratch memory that d keeps for the next
// metric.
const maxScratch = 64 << 10

var (
	errNoName = errors.New(`parameter "metric" is missing: it is the name`)
	errNoKind = errors.New(`parameter "metric_type" is missing`)
)

// end returns an error if a required parameter is missing.
func (d *Decoder) end() error {
	seen := d.seen&^d.nulls | d.inQuery
	switch {
	case d.params >= NamedParams && seen&(1<<fieldName) == 0:
		return errNoName
	case d.params >= EntryParams && seen&(1<<fieldKind) == 0:
		return errNoKind
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
	switch {
	case d.seen&(1<<f) != 0:
		return errTwice(name)
	case d.inQuery&(1<<f) != 0:
		return quote.Error("parameter %s is given in the body and in the query string", name)
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
			return quote.Error("unknown metric type %s", text)
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

// errTwice returns the error for a parameter that is given twice.
func errTwice(name []byte) error {
	return quote.Error("parameter %s is given twice", name)
}

// errUnknown returns the error for a parameter that no metric has.
func errUnknown(name []byte) error {
	return quote.Error("unknown parameter %s", name)
}
