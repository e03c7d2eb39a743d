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
	Type  string // c, g, ms or s
	Name  string
	Tags  map[string]string
	Value float64 // of a count, gauge or timing, as it stands in the line
	Text  string  // of a set
	Delta bool    // the value moves a gauge
	Rate  float64 // 1 where the line has none
}

// Parse reads one line with tags in InfluxDB's form.
func Parse(text string) (Line, error) {
	if strings.ContainsAny(text, "\n\r") {
		return Line{}, fmt.Errorf("%q is not one line", text)
	}
	body, rate, err := cutRate(text)
	if err != nil {
		return Line{}, err
	}
	l := Line{Rate: rate}
	// statsd_exporter knows no sets: its parser is shown a count instead.
	if head, ok := strings.CutSuffix(body, "|s"); ok {
		head, l.Text, ok = strings.Cut(head, ":")
		if !ok || strings.ContainsAny(l.Text, ":|") {
			return Line{}, fmt.Errorf("%q is no set", text)
		}
		l.Type = "s"
		body = head + ":1|c"
	}
	// The rate is left to us, since the parser multiplies values by it.
	parser := line.NewParser()
	parser.EnableInfluxdbParsing()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "ignored"})
	faults := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ignored"}, []string{"reason"})
	events := parser.LineToEvents(body, *faults, counter, counter, counter, slog.New(slog.DiscardHandler))
	if len(events) != 1 {
		return Line{}, fmt.Errorf("%q makes %d events", text, len(events))
	}
	l.Name, l.Tags = events[0].MetricName(), events[0].Labels()
	switch e := events[0].(type) {
	case *event.CounterEvent:
		if l.Type == "" {
			l.Type, l.Value = "c", e.Value()
		}
	case *event.GaugeEvent:
		l.Type, l.Value, l.Delta = "g", e.Value(), e.GRelative
	case *event.ObserverEvent:
		l.Type, l.Value = "ms", e.Value()*1000
	default:
		return Line{}, fmt.Errorf("%q is a %T", text, e)
	}
	return l, nil
}

// cutRate splits a line like name:1|c|@0.5.
func cutRate(text string) (body string, rate float64, err error) {
	body, mark, ok := strings.Cut(text, "|@")
	if !ok || strings.HasSuffix(text, "|s") {
		return text, 1, nil
	}
	if rate, err = strconv.ParseFloat(mark, 64); err != nil || rate <= 0 || rate > 1 || math.IsNaN(rate) {
		return "", 0, fmt.Errorf("%q has the rate %q", text, mark)
	}
	return body, rate, nil
}
