package metric

import (
	"bytes"
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"

	"statsd-http-proxy/internal/quote"
)

// MaxName is how long a name may be, in bytes, with the prefix before it.
const MaxName = 255

// maxExpanded is how many bytes of lines one line of several values may become:
// each of them repeats its name and tags.
const maxExpanded = 64 << 10

// Options are the settings of an Encoder.
type Options struct {
	// Prefix is put before every name, joined by a dot unless it ends in
	// neither a letter nor a digit.
	Prefix string

	// MaxLine is how many bytes the lines may take that have to stay together
	// in one datagram.
	MaxLine int

	// TagFormat is influxdb, graphite, dogstatsd, librato, signalfx or none;
	// influxdb where it is empty.
	TagFormat string

	// Tags are added to every metric that has no tag of the same key.
	Tags []Tag

	// NameFormat is any, graphite or prometheus: what a name may consist of;
	// other characters become underscores. any where it is empty.
	NameFormat string

	// Lowercase folds names and tags to lower case.
	Lowercase bool

	// Histograms allows the kinds Histogram and Distribution.
	Histograms bool

	// Metrics are the names that may be written at all, as in a Scope.
	Metrics Patterns
}

// Encoder writes metrics as StatsD lines. It is safe for concurrent use.
type Encoder struct {
	prefix              []byte // as it is written, with what joins it to a name
	maxLine             int
	format              *tagFormat
	names, keys, values *rules
	tags                []configuredTag
	histograms          bool
	metrics             Patterns
	plain               [256]byte // see plainBytes
	plainLines          bool      // lines may be written as they stand
	plainTags           bool      // those with tags, too
}

// NewEncoder returns an Encoder with the given options. Its error begins with
// the name of the command line's option at fault.
func NewEncoder(options Options) (*Encoder, error) {
	format, err := findTagFormat(orDefault(options.TagFormat, "influxdb"))
	if err != nil {
		return nil, fmt.Errorf("tag-format: %w", err)
	}
	keep, err := nameFormat(orDefault(options.NameFormat, "any"))
	if err != nil {
		return nil, fmt.Errorf("name-format: %w", err)
	}
	e := &Encoder{
		maxLine:    options.MaxLine,
		format:     format,
		names:      newRules(format.reserved, keep, options.Lowercase),
		keys:       newRules(format.reserved+format.reservedKeys, nil, options.Lowercase),
		values:     newRules(format.reserved, nil, options.Lowercase),
		histograms: options.Histograms,
		metrics:    options.Metrics,
	}
	if err := e.configurePrefix(options.Prefix); err != nil {
		return nil, fmt.Errorf("metric-prefix: %w", err)
	}
	if err := e.configureTags(options.Tags); err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	e.plain = e.plainBytes()
	e.plainLines = len(e.tags) == 0 || format.dropped
	e.plainTags = format.name == "influxdb"
	return e, nil
}

func orDefault(text, preset string) string {
	if text == "" {
		return preset
	}
	return text
}

func (e *Encoder) configurePrefix(prefix string) error {
	written, err := e.appendPrefix(nil, []byte(prefix))
	if err != nil {
		return fmt.Errorf("%s %w", quote.Bytes([]byte(prefix)), err)
	}
	if len(written) >= MaxName {
		return fmt.Errorf("%s leaves no room for a name within %d bytes", quote.Bytes([]byte(prefix)), MaxName)
	}
	e.prefix = written
	return nil
}

// appendPrefix writes a prefix with what joins it to a name: a dot unless it
// ends in neither a letter nor a digit.
func (e *Encoder) appendPrefix(dst, prefix []byte) ([]byte, error) {
	dst, err := e.names.append(dst, prefix)
	if err != nil {
		return nil, err
	}
	if r, _ := utf8.DecodeLastRune(prefix); unicode.IsLetter(r) || unicode.IsDigit(r) {
		return e.names.append(dst, []byte{'.'})
	}
	return dst, nil
}

// Allows tells whether metrics of a kind are accepted.
func (e *Encoder) Allows(k Kind) bool { return k < Histogram || e.histograms }

// KindNames lists the kinds that are accepted, for messages to people.
func (e *Encoder) KindNames() string {
	if e.histograms {
		return "count, gauge, timing, set, histogram and distribution"
	}
	return "count, gauge, timing and set"
}

// Append checks m whole and appends its lines to l. A negative gauge is two
// lines that belong into one datagram, since StatsD reads the second one alone
// as a decrease:
//
//	name,env=prod:0|g
//	name,env=prod:-5|g
//
// A line of several values becomes a line each: not every server reads them
// together.
//
// scope is what the client may write; nil for everything. On an error nothing
// is appended. The error names the parameter at fault; it is a *ForbiddenError
// if nothing is wrong but that the metric may not be written.
func (e *Encoder) Append(l *Lines, m *Metric, scope *Scope) (w Written, err error) {
	groups := len(l.Ends)
	if w, err = e.append(l, m, scope); err != nil {
		l.Truncate(groups)
		return Written{}, err
	}
	return w, nil
}

func (e *Encoder) append(l *Lines, m *Metric, scope *Scope) (w Written, err error) {
	if err := e.checkKnown(m); err != nil {
		return w, err
	}
	dst := l.Bytes
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	around := frame{start: len(dst)}
	if dst, err = e.appendName(dst, m, scope); err != nil {
		return w, err
	}
	if !e.format.atEnd {
		if dst, err = e.appendTags(dst, m.Tags); err != nil {
			return w, err
		}
	}
	dst = append(dst, ':')
	around.headEnd = len(dst)
	name, first := firstValue(m)
	var v checked
	if err := e.readValue(&v, m, name, first); err != nil {
		return w, err
	}
	if v.afterZero {
		dst = append(dst, '0')
	} else {
		dst = v.append(dst)
	}
	around.tailStart = len(dst)
	if dst, w.Rate, err = appendKind(dst, m); err != nil {
		return w, err
	}
	around.tagsStart = len(dst)
	if e.format.atEnd {
		if dst, err = e.appendTagsAtEnd(dst, m.Tags); err != nil {
			return w, err
		}
	}
	around.end = len(dst)
	if v.afterZero {
		dst = around.appendLine(dst, &v)
	}
	if len(dst)-around.start > e.maxLine {
		return w, e.errTooLong()
	}
	l.Ends = append(l.Ends, len(dst))
	for i := range m.More {
		v = checked{}
		if err := e.readValue(&v, m, name, &m.More[i]); err != nil {
			return w, err
		}
		feed := len(dst)
		dst = around.appendLine(dst, &v)
		switch {
		case len(dst)-feed-1 > e.maxLine:
			return w, e.errTooLong()
		case len(dst)-around.start > maxExpanded:
			return w, fmt.Errorf("the values of the line make lines of more than %d bytes", maxExpanded)
		}
		l.Ends = append(l.Ends, len(dst))
	}
	l.Bytes = dst
	w.Name, w.Tags = dst[around.start:around.headEnd-1], dst[around.tagsStart:around.end]
	return w, nil
}

// frame is where in a buffer a line's head and tail stand, to be repeated
// around other values.
//
//	name,env=prod:1|c|@0.1            name:1|c|@0.1|#env:prod
//	^^^^^^^^^^^^^^ ^^^^^^^             ^^^^^ ^^^^^^^^^^^^^^^^^
//	start  headEnd tailStart to end               tagsStart
type frame struct{ start, headEnd, tailStart, tagsStart, end int }

// appendLine appends a line feed and the line of v to dst, which holds the
// frame.
func (f *frame) appendLine(dst []byte, v *checked) []byte {
	dst = append(dst, '\n')
	dst = append(dst, dst[f.start:f.headEnd]...)
	dst = v.append(dst)
	return append(dst, dst[f.tailStart:f.end]...)
}

// checkKnown refuses parameters that the kind of m does not know, and
// parameters that exclude each other.
func (e *Encoder) checkKnown(m *Metric) error {
	switch {
	case !e.Allows(m.Kind):
		return fmt.Errorf("the type %s is not enabled here", m.Kind)
	case m.SampleRate.Form != Absent && !kinds[m.Kind].sampled:
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

// appendName writes the name of m with its prefixes, if it may be written.
//
//	configured.granted.some.key
//	                   ^^^^^^^^ what patterns are held against
func (e *Encoder) appendName(dst []byte, m *Metric, scope *Scope) ([]byte, error) {
	if err := checkSegments(m.Name); err != nil {
		return nil, err
	}
	if len(m.Name) > e.maxLine {
		return nil, e.errTooLong() // now, so that no input makes dst grow
	}
	start := len(dst)
	dst = append(dst, e.prefix...)
	if scope != nil && len(scope.Prefix) > 0 {
		var err error
		if dst, err = e.appendPrefix(dst, scope.Prefix); err != nil {
			return nil, forbid("the token's prefix %s %w", quote.Bytes(scope.Prefix), err)
		}
	}
	own := len(dst)
	dst, err := e.names.append(dst, m.Name)
	if err != nil {
		return nil, fmt.Errorf("name %s %w", quote.Bytes(m.Name), err)
	}
	if n := len(dst) - start; n > MaxName {
		return nil, fmt.Errorf("name %s takes %d bytes with the prefix, more than %d", quote.Bytes(m.Name), n, MaxName)
	}
	return dst, e.checkAllowed(m.Kind, dst[own:], scope)
}

// checkSegments refuses names that a proxy on the way could have rewritten,
// see RFC 3986, section 6.2.2.3.
func checkSegments(name []byte) error {
	if len(name) == 0 {
		return errors.New("name is empty")
	}
	if name[0] != '.' && bytes.IndexByte(name, '/') < 0 {
		return nil
	}
	for rest, more := name, true; more; {
		var segment []byte
		segment, rest, more = bytes.Cut(rest, []byte{'/'})
		switch string(segment) {
		case "":
			return fmt.Errorf("name %s has an empty path segment", quote.Bytes(name))
		case ".", "..":
			return fmt.Errorf("name %s has the path segment %q", quote.Bytes(name), segment)
		}
	}
	return nil
}

// appendKind writes what stands behind a value and before tags, and returns
// the fraction of such metrics to let through.
//
//	name:1|c|@0.1|#env:prod
//	      ^^^^^^^
func appendKind(dst []byte, m *Metric) ([]byte, float64, error) {
	dst = append(dst, '|')
	dst = append(dst, kinds[m.Kind].wire...)
	dst, rate, err := appendRate(dst, &m.SampleRate)
	switch {
	case err != nil || !m.FromLine:
		return dst, rate, err
	case rate < minLineRate:
		return nil, 0, fmt.Errorf(`parameter "sampleRate": %s is below %v, the least in a line`, quote.Bytes(m.SampleRate.Text), minLineRate)
	}
	return dst, 1, nil // the client has left out the rest
}

// minLineRate is the least sample rate in a line. Servers that keep single
// values, statsd_exporter for one, take a timing for 1/rate of them: a line would
// cost them any amount of work.
const minLineRate = 0.0001

// appendTagsAtEnd writes tags behind a pipe, and none of either without tags.
func (e *Encoder) appendTagsAtEnd(dst []byte, tags []Tag) ([]byte, error) {
	pipe := len(dst)
	dst, err := e.appendTags(append(dst, '|'), tags)
	if err == nil && len(dst) == pipe+1 {
		dst = dst[:pipe]
	}
	return dst, err
}

// appendRate writes the mark of a sample rate, none for 1, and returns the
// rate.
func appendRate(dst []byte, value *Value) ([]byte, float64, error) {
	if value.Form == Absent {
		return dst, 1, nil
	}
	var n number
	if err := readNumber(&n, "sampleRate", value); err != nil {
		return nil, 0, err
	}
	switch {
	case n.isOne():
		return dst, 1, nil
	case n.zero || n.negative || !n.belowOne():
		return nil, 0, fmt.Errorf(`parameter "sampleRate": %s is not above 0 and at most 1`, quote.Bytes(value.Text))
	}
	return n.append(append(dst, '|', '@')), n.float(), nil
}

func (e *Encoder) errTooLong() error {
	return fmt.Errorf("the metric does not fit into one datagram of %d bytes", e.maxLine)
}
