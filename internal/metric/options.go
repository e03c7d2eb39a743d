package metric

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"statsd-http-proxy/internal/quote"
)

// Options are the settings of an Encoder.
type Options struct {
	// Prefix precedes every name. A dot joins it to the name if its last
	// character is a letter or a digit.
	Prefix string

	// MaxLine is the maximum size in bytes of the lines that must travel in one
	// packet.
	MaxLine int

	// Flavor is the server that receives the lines.
	Flavor Flavor

	// IsStream reports whether the lines travel over a stream, such as TCP, and not
	// in datagrams.
	IsStream bool

	// TagFormat is influxdb, graphite, dogstatsd, librato, signalfx or none. The
	// empty string means the tag format of Flavor.
	TagFormat string

	// Tags are added to every metric, except for the keys that the metric has
	// itself.
	Tags []Tag

	// NameFormat is any, graphite or prometheus: the characters that names may
	// contain. The encoder replaces all others by underscores. The empty string
	// means any.
	NameFormat string

	// Lowercase folds names and tags to lower case.
	Lowercase bool

	// Histograms allows the kinds Histogram and Distribution, whatever the flavor
	// says. gostatsd never gets a Distribution: it drops them.
	Histograms bool

	// Metrics matches the names that clients may write, like Scope.Metrics.
	Metrics Patterns

	// DenyMetrics matches names that clients may not write; nil matches none. A
	// name matches also if it does so in the form of Etsy StatsD or Prometheus.
	DenyMetrics Patterns

	// AllowTags matches the keys of the tags that clients may write, like
	// Scope.Tags. The keys of Tags need not match.
	AllowTags Patterns
}

// NewEncoder returns an Encoder with the given options. An error begins with
// the name of the command line option that is wrong.
func NewEncoder(options Options) (*Encoder, error) {
	traits := &flavors[options.Flavor]
	format, err := findTagFormat(orDefault(options.TagFormat, traits.tagFormat))
	if err != nil {
		return nil, fmt.Errorf("tag-format: %w", err)
	}
	isKept, err := nameFormat(orDefault(options.NameFormat, "any"))
	if err != nil {
		return nil, fmt.Errorf("name-format: %w", err)
	}
	e := &Encoder{
		maxLine:          options.MaxLine,
		flavor:           options.Flavor,
		traits:           traits,
		format:           format,
		names:            newRules(format.reserved, isKept, options.Lowercase),
		keys:             newRules(format.reserved+format.reservedKeys, nil, options.Lowercase),
		values:           newRules(format.reserved, nil, options.Lowercase),
		replacesNonASCII: traits.clearsTopBit && options.IsStream,
		gauge:            traits.gauge,
		kinds:            traits.kinds,
		metrics:          options.Metrics,
		denyMetrics:      options.DenyMetrics,
		hasPatterns:      options.Metrics != nil || options.DenyMetrics != nil,
		allowTags:        options.AllowTags,
	}
	if options.Flavor == FlavorNone && options.IsStream {
		e.gauge = gaugeZeroValue
	}
	if options.Histograms {
		e.kinds |= 1 << Histogram
		if options.Flavor != FlavorGostatsd {
			e.kinds |= 1 << Distribution
		}
	}
	if traits.repeatsTimings {
		e.repeats = timedKinds
	}
	e.reservedKeys = e.listReservedKeys(true)
	e.setKeyLengths()
	e.replaceHarmful()
	if err := e.setPrefix(options.Prefix); err != nil {
		return nil, fmt.Errorf("metric-prefix: %w", err)
	}
	if err := e.setTags(options.Tags); err != nil {
		return nil, fmt.Errorf("tags: %w", err)
	}
	e.setFastPath()
	return e, nil
}

// replaceHarmful makes the rules replace characters that crash or confuse the server.
func (e *Encoder) replaceHarmful() {
	if e.traits.crashesOnBrackets {
		e.names.replace("[]")
		isGraphiteInExporter := e.format.name == "graphite" && e.flavor == FlavorStatsDExporter
		if e.format.name == "influxdb" || e.format.name == "librato" || isGraphiteInExporter {
			e.keys.replace("[]")
			e.values.replace("[]")
		}
	}
	for _, r := range []*rules{e.names, e.keys, e.values} {
		r.replacesNonASCIIBytes = e.replacesNonASCII
	}
}

// orDefault returns text, or preset if text is empty.
func orDefault(text, preset string) string {
	if text == "" {
		return preset
	}
	return text
}

// setPrefix checks and stores the configured prefix.
func (e *Encoder) setPrefix(prefix string) error {
	written, err := e.appendPrefix(nil, []byte(prefix))
	if err != nil {
		return fmt.Errorf("%s %w", quote.Bytes([]byte(prefix)), err)
	}
	if len(written) >= MaxName {
		return fmt.Errorf("%s leaves no room for a name within %d bytes", quote.Bytes([]byte(prefix)), MaxName)
	}
	// A name that is reserved because of its start is reserved with any end.
	if err := e.checkReservedName(Count, append(written, 'a')); err != nil {
		return fmt.Errorf("%s allows no name: %w", quote.Bytes([]byte(prefix)), err)
	}
	e.prefix = written
	e.setNameEdges()
	return nil
}

// appendPrefix appends a prefix, and a dot if the last character of the prefix
// is a letter or a digit.
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
