package metric

import (
	"fmt"
	"strings"
)

// Flavor is the StatsD server that receives the lines. Servers differ in the tag
// formats, the types and the names that they take.
type Flavor uint8

const (
	FlavorNone Flavor = iota // unknown: the lines suit as many servers as possible
	FlavorEtsy
	FlavorTelegraf
	FlavorStatsDExporter
	FlavorGostatsd
	FlavorDatadog
	FlavorVector
)

// flavorTraits says what a server reads, and what harms it.
type flavorTraits struct {
	name      string // the value of --statsd-flavor
	server    string // the name for messages
	tagFormat string
	gauge     gaugeForm
	values    valuesForm

	// takesTagsAfterValues reports whether the server reads several values with
	// their types before DogStatsD tags: name:1|c:2|c|#env:prod.
	takesTagsAfterValues bool

	// takesContainerID reports whether the server reads c: after a pipe as a
	// container ID, also in name:1|c:2|c.
	takesContainerID bool

	hasShift          bool
	kinds             Kinds
	takesQuantile     bool // tags may have the keys quantile and le
	reservesHost      bool // a tag host replaces the server's own
	crashesOnBrackets bool // brackets in names or tags crash the server
	clearsTopBit      bool // on streams, the server clears the top bit of each byte
	repeatsTimings    bool // the server repeats a sampled timing 1/rate times
	takesExtensions   bool // DogStatsD's fields after the tags
}

// gaugeForm is how a server sets a gauge to a negative value.
type gaugeForm uint8

const (
	gaugeZeroLine  gaugeForm = iota // name:0|g LF name:-5|g
	gaugeZeroValue                  // name:0|g:-5|g
	gaugeSigned                     // name:-5|g
)

// valuesForm is how a server reads several values of a series.
type valuesForm uint8

const (
	onePerLine   valuesForm = iota // name:1|c LF name:2|c
	repeatedType                   // name:1|c:2|c
	sharedType                     // name:1:2|c
)

const (
	basicKinds Kinds = 1<<Count | 1<<Gauge | 1<<Timing | 1<<Set
	timedKinds Kinds = 1<<Timing | 1<<Histogram | 1<<Distribution // servers treat them alike
)

var flavors = [...]flavorTraits{
	FlavorNone: {tagFormat: "influxdb", kinds: basicKinds, hasShift: true, crashesOnBrackets: true, clearsTopBit: true, repeatsTimings: true},

	// https://github.com/statsd/statsd/blob/v0.9.0/stats.js
	FlavorEtsy: {name: "etsy", server: "Etsy StatsD", tagFormat: "none", values: repeatedType, takesTagsAfterValues: true,
		kinds: basicKinds, hasShift: true, takesQuantile: true, clearsTopBit: true},

	// https://github.com/influxdata/telegraf/blob/master/plugins/inputs/statsd/statsd.go
	FlavorTelegraf: {name: "telegraf", server: "Telegraf", tagFormat: "influxdb", gauge: gaugeZeroValue, values: repeatedType, takesTagsAfterValues: true,
		takesContainerID: true, kinds: AllKinds, hasShift: true, takesQuantile: true, reservesHost: true, repeatsTimings: true},

	// https://github.com/prometheus/statsd_exporter/blob/master/pkg/line/line.go
	FlavorStatsDExporter: {name: "statsd-exporter", server: "statsd_exporter", tagFormat: "dogstatsd", gauge: gaugeZeroValue, values: repeatedType,
		kinds: AllKinds &^ (1 << Set), hasShift: true, crashesOnBrackets: true, repeatsTimings: true},

	// https://github.com/atlassian/gostatsd/blob/master/internal/lexer/lexer.go
	FlavorGostatsd: {name: "gostatsd", server: "gostatsd", tagFormat: "dogstatsd", gauge: gaugeSigned,
		kinds: AllKinds &^ (1 << Distribution), takesQuantile: true, reservesHost: true},

	// https://docs.datadoghq.com/developers/dogstatsd/datagram_shell/
	FlavorDatadog: {name: "datadog", server: "the Datadog agent", tagFormat: "dogstatsd", gauge: gaugeSigned, values: sharedType,
		kinds: AllKinds, takesQuantile: true, takesExtensions: true},

	// https://vector.dev/docs/reference/configuration/sources/statsd/
	FlavorVector: {name: "vector", server: "Vector", tagFormat: "dogstatsd", kinds: AllKinds, hasShift: true, takesQuantile: true},
}

// ParseFlavor returns the flavor with the given name, a value of --statsd-flavor.
// The empty string and none mean FlavorNone.
func ParseFlavor(name string) (Flavor, error) {
	if name == "" || name == "none" {
		return FlavorNone, nil
	}
	names := make([]string, 0, len(flavors))
	for f := range flavors {
		if name == flavors[f].name {
			return Flavor(f), nil
		}
		names = append(names, flavors[f].name)
	}
	return 0, fmt.Errorf("unknown flavor %q: want one of %s", name, strings.Join(names[1:], ", "))
}

// String returns the name of f, or none.
func (f Flavor) String() string {
	if f == FlavorNone {
		return "none"
	}
	return flavors[f].name
}

// errUnsupported returns the error for something that the server does not support.
func (t *flavorTraits) errUnsupported(what string) error {
	return fmt.Errorf("%s does not support %s (--statsd-flavor=%s)", t.server, what, t.name)
}
