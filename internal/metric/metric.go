// Package metric checks StatsD metrics and writes them as lines. It knows the
// types of metrics, the rules for names, tags and numbers, and the tag formats.
// It is pure: it reads and writes byte slices, and uses no clock, log or
// network.
//
// A Metric holds what a client sent, unchecked. Encoder.Append checks the
// metric and writes its lines in one pass. If the metric is invalid, Append
// returns an error and writes nothing.
package metric

import "bytes"

// Kind is the type of a metric. The path of a request names it.
type Kind uint8

// The kinds of https://github.com/statsd/statsd/blob/master/docs/metric_types.md
// and, for the last two,
// https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/.
const (
	Count        Kind = iota // adds to a counter
	Gauge                    // sets a gauge, or moves it
	Timing                   // adds a duration in milliseconds
	Set                      // adds a value to a set, whose distinct values are counted
	Histogram                // adds a value to a distribution, aggregated by the agent
	Distribution             // adds a value to a distribution, aggregated by Datadog's servers
)

// kinds holds, for each Kind, its name in a request, its letters in a line, and
// whether it can have a sample rate.
var kinds = [...]struct {
	name, letters string
	hasRate       bool
}{
	Count:        {"count", "c", true},
	Gauge:        {"gauge", "g", false},
	Timing:       {"timing", "ms", true},
	Set:          {"set", "s", false},
	Histogram:    {"histogram", "h", true},
	Distribution: {"distribution", "d", true},
}

// ParseKind returns the kind with the given name in a request, such as timing. The switch
// compares whole words, which is faster than a search in kinds.
func ParseKind(name []byte) (Kind, bool) {
	switch string(name) {
	case "count":
		return Count, true
	case "gauge":
		return Gauge, true
	case "timing":
		return Timing, true
	case "set":
		return Set, true
	case "histogram":
		return Histogram, true
	case "distribution":
		return Distribution, true
	}
	return 0, false
}

// ParseLetters returns the kind with the given letters in a line, such as ms.
func ParseLetters(letters []byte) (Kind, bool) {
	switch string(letters) {
	case "c":
		return Count, true
	case "g":
		return Gauge, true
	case "ms":
		return Timing, true
	case "s":
		return Set, true
	case "h":
		return Histogram, true
	case "d":
		return Distribution, true
	}
	return 0, false
}

// String returns the name of k in a request.
func (k Kind) String() string { return kinds[k].name }

// Metric is one metric as a client sent it, unchecked. Its slices belong to the
// decoder that filled it: they are valid until the decoder's next call.
type Metric struct {
	Kind Kind
	Name []byte // percent-decoded, without prefixes

	Value      Value // the number to count, set or time, or the value to add to a set
	Time       Value // another name for Value, 0 or more: for timings, histograms and distributions only
	Shift      Value // for gauges only: how far to move the gauge
	SampleRate Value
	Tags       []Tag

	// FromLine reports whether the metric was a StatsD line. In a line, a number
	// with a sign moves a gauge, and the client has already sampled.
	FromLine bool
	More     []Value // the values after the first one of a line with several values

	// IsAbsolute reports whether the value sets the gauge although it is a line and
	// the value has a sign. The line before it was name:0|g, and it is name:-5|g.
	IsAbsolute bool

	// Extensions are the sections of a DogStatsD line after the tags, such as
	// c:in-1234 and T1656581400, without the pipes before them.
	Extensions [][]byte
}

// Reset empties m for the next metric. It keeps the memory of its slices.
func (m *Metric) Reset() {
	tags, more, extensions := m.Tags[:0], m.More[:0], m.Extensions[:0]
	*m = Metric{}
	m.Tags, m.More, m.Extensions = tags, more, extensions
}

// Value is the text of one parameter and the form in which the client wrote it.
type Value struct {
	Text []byte
	Form Form
}

// Form is the form in which a client wrote a Value.
type Form uint8

const (
	Absent Form = iota // not given, or a JSON null
	Number             // a JSON number
	String             // anything else: a JSON string, a form field, a part of a line
)

// MaxTags is the maximum number of tags of a metric that decoders accept. More do not fit
// into a datagram.
const MaxTags = 400

// Tag is one tag, its key and value unchecked. The encoder leaves out a tag with
// an empty value.
type Tag struct{ Key, Value []byte }

// BareTag returns a DogStatsD tag without a colon and a value. In other formats its
// value is true.
func BareTag(key []byte) Tag { return Tag{Key: key, Value: bareValue} }

// bareValue is the value of all tags from BareTag.
var bareValue = []byte("true")

// IsBare reports whether t is from BareTag.
func (t *Tag) IsBare() bool { return len(t.Value) == len(bareValue) && &t.Value[0] == &bareValue[0] }

// Lines holds the lines of accepted metrics, in order. All of them come from one encoder,
// with one scope.
type Lines struct {
	// Bytes holds the lines, separated by line feeds.
	Bytes []byte
	// Ends holds the end in Bytes of each group of lines. The lines of a group
	// must travel in one packet. Most groups are a single line.
	Ends []int

	// The tags that the fast path has checked last are Bytes[lastTags:lastTagsEnd]. They
	// are empty if there are none.
	lastTags, lastTagsEnd int
}

// lengthOfLastTags returns the length of l's last tags if text begins with them, and 0
// otherwise. Metrics that follow often have the same tags, which need no second check.
func (l *Lines) lengthOfLastTags(text []byte) int {
	tags := l.Bytes[l.lastTags:l.lastTagsEnd]
	if len(text) < len(tags) || string(text[:len(tags)]) != string(tags) {
		return 0
	}
	return len(tags)
}

// Append adds a group of lines. The group may be a part of the memory of
// l.Bytes, after its length.
func (l *Lines) Append(group []byte) {
	if len(l.Bytes) > 0 {
		l.Bytes = append(l.Bytes, '\n')
	}
	l.Bytes = append(l.Bytes, group...)
	l.Ends = append(l.Ends, len(l.Bytes))
}

// startOfLastZero returns the index in l.Bytes at which the last group starts, if that
// group is a line with the value 0 between head and tail, and -1 otherwise.
func (l *Lines) startOfLastZero(head, tail []byte) int {
	n := len(l.Ends)
	if n == 0 {
		return -1
	}
	start := 0
	if n > 1 {
		start = l.Ends[n-2] + len("\n")
	}
	line, hasHead := bytes.CutPrefix(l.Bytes[start:], head)
	line, hasTail := bytes.CutSuffix(line, tail)
	if !hasHead || !hasTail || string(line) != "0" {
		return -1
	}
	return start
}

// Truncate drops all groups of lines after the given number of them.
func (l *Lines) Truncate(groups int) {
	l.Ends = l.Ends[:groups]
	if groups == 0 {
		l.Bytes = l.Bytes[:0]
	} else {
		l.Bytes = l.Bytes[:l.Ends[groups-1]]
	}
	if l.lastTagsEnd > len(l.Bytes) {
		l.lastTags, l.lastTagsEnd = 0, 0
	}
}
