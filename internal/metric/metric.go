// Package metric knows what a StatsD metric is: its kinds, the checks on its
// name, tags and numbers, and the line it becomes. It is pure: bytes in, bytes
// out, no clock, no log and no network.
//
// A Metric holds what a client said, unchecked. Encoder.Append checks it and
// writes its line in the same pass, or refuses it whole and writes nothing.
package metric

// Kind is the type of a metric, as it stands in the path of a request.
type Kind uint8

// The kinds and what StatsD does with them, see
// https://github.com/statsd/statsd/blob/master/docs/metric_types.md.
const (
	Count  Kind = iota // adds to a counter
	Gauge              // sets a value, or moves it
	Timing             // adds a duration in milliseconds
	Set                // counts distinct values
)

// kinds holds, for each Kind, its name in a request and its letters in a line.
var kinds = [...]struct{ name, wire string }{
	Count:  {"count", "c"},
	Gauge:  {"gauge", "g"},
	Timing: {"timing", "ms"},
	Set:    {"set", "s"},
}

// KindNames lists the names that ParseKind knows, for messages to people.
const KindNames = "count, gauge, timing and set"

// ParseKind returns the kind that a request calls name.
func ParseKind(name []byte) (Kind, bool) {
	for k := range kinds {
		if string(name) == kinds[k].name {
			return Kind(k), true
		}
	}
	return 0, false
}

// String returns the name of k in a request.
func (k Kind) String() string { return kinds[k].name }

// Metric is one metric as a client described it: unchecked, its slices owned
// by whoever decoded it. It must not outlive them.
type Metric struct {
	Kind Kind
	Name []byte // percent-decoded, without the configured prefix

	Value      Value // what to count, set, time or add to a set
	Time       Value // another name for Value, known to timings alone
	Shift      Value // how far to move a gauge
	SampleRate Value // the fraction to let through, in (0, 1]

	Tags     Value // as text: "env=prod,locale=en-us"
	TagPairs []Tag // as a JSON object, behind those of the text
}

// Reset empties m for the next metric. The memory of TagPairs is kept.
func (m *Metric) Reset() {
	*m = Metric{TagPairs: m.TagPairs[:0]}
}

// Value is the text of one parameter and how it was written.
type Value struct {
	Text []byte
	Form Form
}

// Form tells how a Value was written.
type Form uint8

const (
	Absent Form = iota // not given, or a JSON null
	Number             // a JSON number: its text needs no check of its grammar
	String             // anything else: a JSON string, or a form's field
)

// Tag is one tag, its key and value unchecked.
type Tag struct{ Key, Value []byte }
