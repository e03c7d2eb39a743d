// Package wiretest reads StatsD lines back in tests, with the parser of
// prometheus/statsd_exporter: what it understands is a line by somebody else's
// standards. It serves tests alone.
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

// Line is what a StatsD line says.
type Line struct {
	Type  string // c, g, ms, s, h or d
	Name  string
	Tags  map[string]string
	Value float64 // of all but sets, as it stands in the line
	Text  string  // of a set
	Delta bool    // the value moves a gauge
	Rate  float64 // 1 where the line has none
}

// Parse reads one line with tags in the given format.
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
	// The parser multiplies values by the rate and knows neither sets nor the
	// difference between timings and histograms: it is shown a gauge instead.
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

// graphiteToInfluxDB rewrites name;key=value;key=value, Graphite's documented
// form (https://graphite.readthedocs.io/en/latest/tags.html), which
// statsd_exporter does not read.
func graphiteToInfluxDB(head string) string {
	if strings.ContainsAny(head, ",") {
		return "\xff" // it would be taken for tags: make it a fault
	}
	return strings.ReplaceAll(head, ";", ",")
}

// parse reads the line of a gauge with statsd_exporter.
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
		return nil, fmt.Errorf("it makes %d events", len(events))
	}
	gauge, ok := events[0].(*event.GaugeEvent)
	if !ok {
		return nil, fmt.Errorf("it makes a %T", events[0])
	}
	return gauge, nil
}
