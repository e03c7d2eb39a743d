// Package metric knows what a StatsD metric is: its kinds, the checks on its
// name, tags and numbers, and the line it becomes in each tag format. It is
// pure: bytes in, bytes out, no clock, no log and no network.
//
// A Metric holds what a client said, unchecked. Encoder.Append checks it and
// writes its lines in the same pass, or refuses it whole and writes nothing.
package metric

// Kind is the type of a metric, as it stands in the path of a request.
type Kind uint8

// The kinds and what StatsD does with them, see
// https://github.com/statsd/statsd/blob/master/docs/metric_types.md. The last
// two are known to some servers only, see
// https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/.
const (
	Count        Kind = iota // adds to a counter
	Gauge                    // sets a value, or moves it
	Timing                   // adds a duration in milliseconds
	Set                      // counts distinct values
	Histogram                // adds a value to a distribution that the agent sums up
	Distribution             // adds a value to a distribution that the server sums up
)

// kinds holds, for each Kind, its name in a request, its letters in a line and
// whether it can be sampled.
var kinds = [...]struct {
	name, wire string
	sampled    bool
}{
	Count:        {"count", "c", true},
	Gauge:        {"gauge", "g", false},
	Timing:       {"timing", "ms", true},
	Set:          {"set", "s", false},
	Histogram:    {"histogram", "h", true},
	Distribution: {"distribution", "d", true},
}

// ParseKind returns the kind that a request calls name.
func ParseKind(name []byte) (Kind, bool) {
	for k := range kinds {
		if string(name) == kinds[k].name {
			return Kind(k), true
		}
	}
	return 0, false
}

// ParseLetters returns the kind that a line calls letters.
func ParseLetters(letters []byte) (Kind, bool) {
	for k := range kinds {
		if string(letters) == kinds[k].wire {
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
	SampleRate Value // in (0, 1]
	Tags       []Tag

	// FromLine tells that the metric was a StatsD line. A signed number then
	// moves a gauge, and the rate says what the client has left out already.
	FromLine bool
	More     []Value // of a line with several values, those behind the first
}

// Reset empties m for the next metric. The memory of Tags and More is kept.
func (m *Metric) Reset() {
	*m = Metric{Tags: m.Tags[:0], More: m.More[:0]}
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
	Number             // a JSON number
	String             // anything else: a JSON string, a form's field, a part of a line
)

// Tag is one tag, its key and value unchecked.
type Tag struct{ Key, Value []byte }

// Lines are the lines of accepted metrics, in order.
type Lines struct {
	// Bytes holds the lines, joined by line feeds.
	Bytes []byte
	// Ends holds where in Bytes each group of lines ends that has to stay
	// together in one datagram, mostly a single line.
	Ends []int
}

// Append adds a group of lines. It may lie in the memory of l, behind what l
// holds.
func (l *Lines) Append(group []byte) {
	if len(l.Bytes) > 0 {
		l.Bytes = append(l.Bytes, '\n')
	}
	l.Bytes = append(l.Bytes, group...)
	l.Ends = append(l.Ends, len(l.Bytes))
}

// Truncate drops all but the first groups of lines.
func (l *Lines) Truncate(groups int) {
	l.Ends = l.Ends[:groups]
	if groups == 0 {
		l.Bytes = l.Bytes[:0]
	} else {
		l.Bytes = l.Bytes[:l.Ends[groups-1]]
	}
}
