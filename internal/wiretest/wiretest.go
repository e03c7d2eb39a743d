// Package wiretest parses StatsD lines for tests, with the parser of
// prometheus/statsd_exporter. So another program's parser confirms that the lines
// are valid.
package wiretest

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/statsd_exporter/pkg/event"
	"github.com/prometheus/statsd_exporter/pkg/line"
)

// Line is a parsed StatsD line.
type Line struct {
	Type  string // c, g, ms, s, h or d
	Name  string
	Tags  map[string]string
	Value float64 // as in the line; 0 for a set
	Text  string  // the value of a set
	Delta bool    // the value has a sign and moves a gauge
	Rate  float64 // 1 if the line has none
}

// Parse parses one line with tags in the given format.
func Parse(text, tagFormat string) (Line, error) {
	if strings.ContainsAny(text, "\n\r") {
		return Line{}, fmt.Errorf("%q is not one line", text)
	}
	head, rest, ok := strings.Cut(text, ":")
	value, sections, ok2 := strings.Cut(rest, "|")
	if !ok || !ok2 || strings.Contains(value, ":") {
		return Line{}, fmt.Errorf("%q is not name:value|type", text)
	}
	l := Line{Rate: 1}
	// The parser multiplies values by the rate, rejects sets, and treats timings
	// like histograms. So it gets a gauge with the same name, tags and value.
	var kept []string
	for i, section := range strings.Split(sections, "|") {
		switch {
		case i == 0:
			l.Type = section
		case strings.HasPrefix(section, "@"):
			rate, err := strconv.ParseFloat(section[1:], 64)
			if err != nil || rate <= 0 || rate > 1 || math.IsNaN(rate) {
				return Line{}, fmt.Errorf("%q has the rate %q", text, section)
			}
			l.Rate = rate
		default:
			kept = append(kept, "|"+section)
		}
	}
	switch l.Type {
	case "c", "g", "ms", "h", "d":
	case "s":
		l.Text, value = value, "0"
	default:
		return Line{}, fmt.Errorf("%q has the type %q", text, l.Type)
	}
	if tagFormat == "graphite" {
		head = graphiteToInfluxDB(head)
	}
	parsed, err := parse(head+":"+value+"|g"+strings.Join(kept, ""), tagFormat)
	if err != nil {
		return Line{}, fmt.Errorf("%q: %w", text, err)
	}
	l.Name, l.Tags, l.Value = parsed.GMetricName, parsed.GLabels, parsed.GValue
	l.Delta = l.Type == "g" && parsed.GRelative
	return l, nil
}

// graphiteToInfluxDB converts the head name;key=value;key=value of Graphite
// (https://graphite.readthedocs.io/en/latest/tags.html), which statsd_exporter
// does not parse, to InfluxDB's format.
func graphiteToInfluxDB(head string) string {
	if strings.ContainsAny(head, ",") {
		return "\xff" // a comma would start tags: make the line invalid
	}
	return strings.ReplaceAll(head, ";", ",")
}

// parse parses the line of a gauge with statsd_exporter.
func parse(text, tagFormat string) (*event.GaugeEvent, error) {
	parser := line.NewParser()
	switch tagFormat {
	case "influxdb", "graphite":
		parser.EnableInfluxdbParsing()
	case "dogstatsd":
		parser.EnableDogstatsdParsing()
	case "librato":
		parser.EnableLibratoParsing()
	case "signalfx":
		parser.EnableSignalFXParsing()
	case "none":
	default:
		return nil, fmt.Errorf("unknown tag format %q", tagFormat)
	}
	samples := prometheus.NewCounter(prometheus.CounterOpts{Name: "samples"})
	badTags := prometheus.NewCounter(prometheus.CounterOpts{Name: "bad_tags"})
	badSamples := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bad_samples"}, []string{"reason"})
	events := parser.LineToEvents(text, *badSamples, samples, badTags, samples, slog.New(slog.DiscardHandler))
	if len(events) != 1 {
		return nil, fmt.Errorf("the parser returns %d events", len(events))
	}
	gauge, ok := events[0].(*event.GaugeEvent)
	if !ok {
		return nil, fmt.Errorf("the parser returns a %T", events[0])
	}
	return gauge, nil
}
