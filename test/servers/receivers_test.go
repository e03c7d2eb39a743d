package servers

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// receiver is a running StatsD server whose state a test compares.
type receiver struct {
	port string // UDP and, unless the server is a gostatsd, TCP

	// gauges returns the gauges that the server has now.
	gauges func() stored
	// all returns everything that the server has stored. It may stop the server, so a
	// test calls it after the last line arrived.
	all func() stored
	// faults returns how many lines the server met that it did not understand. It is
	// nil for Etsy StatsD, which takes a type that it does not know for a count.
	faults func() float64
	// check fails the test if there were any.
	check func(t *testing.T)
}

// stored has the numbers that a server keeps, by name and tags, such as
// hits{env=prod}. The number of a counter is the sum, that of a gauge the level. The
// other types have several numbers, with a suffix after the name:
//
//	spent.count    number of timings, also of those that the client left out
//	spent.sum      their sum, as the server estimates it
//	users.members  number of different members of a set
type stored map[string]float64

// seriesName returns the key of stored for a name and its tags.
func seriesName(name, suffix string, tags []string) string {
	if len(tags) == 0 {
		return name + suffix
	}
	return name + suffix + "{" + strings.Join(tags, ",") + "}"
}

// waitFor waits until the server has stored exactly want.
func (r *receiver) waitFor(t *testing.T, want stored) {
	t.Helper()
	got := r.all()
	for deadline := time.Now().Add(testutil.Patience / 4); !maps.Equal(got, want); got = r.all() {
		if time.Now().After(deadline) {
			t.Errorf("the server has stored\ngot  %v\nwant %v", got, want)
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.check(t)
}

// startEtsyReceiver starts Etsy StatsD.
func startEtsyReceiver(t *testing.T, _ string) *receiver {
	statsd := testutil.StartEtsyStatsD(t)
	var flushed stored
	return &receiver{
		port:   statsd.Port,
		gauges: func() stored { return statsd.Gauges(t) },
		all: func() stored {
			if flushed == nil {
				flushed = etsyStored(statsd.FlushAll(t))
			}
			return flushed
		},
		check: func(*testing.T) {}, // FlushAll has checked
	}
}

// etsyStored returns m, without the counter last. Graphite's tags are part of the
// names.
func etsyStored(m testutil.EtsyMetrics) stored {
	all := stored{}
	series := func(name, suffix string) string {
		parts := strings.Split(name, ";")
		return seriesName(parts[0], suffix, parts[1:])
	}
	for name, value := range m.Counters {
		all[series(name, "")] = value
	}
	for name, value := range m.Gauges {
		all[series(name, "")] = value
	}
	for name, values := range m.Timers {
		sum := 0.0
		for _, value := range values {
			sum += value
		}
		count := m.TimerCounts[name]
		all[series(name, ".count")] = count
		all[series(name, ".sum")] = sum / float64(len(values)) * count
	}
	for name, members := range m.Sets {
		all[series(name, ".members")] = float64(len(members))
	}
	return all
}

// startExporterReceiver starts statsd_exporter. What it exports for a timing is in
// seconds, so names of timings begin with timing.
func startExporterReceiver(t *testing.T, _ string) *receiver {
	port, export := startExporter(t)
	all := func() stored { return exporterStored(export()) }
	return &receiver{
		port: port, gauges: all, all: all,
		faults: func() (count float64) {
			for _, line := range export() {
				if strings.HasPrefix(line, "statsd_exporter_sample_errors_total") {
					value, _ := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
					count += value
				}
			}
			return count
		},
		check: func(t *testing.T) {
			t.Helper()
			checkExporterErrors(t, export())
		},
	}
}

// exporterStored returns the samples in lines of Prometheus' text format, without
// quantiles and the exporter's own metrics.
func exporterStored(lines []string) stored {
	all := stored{}
	for _, line := range lines {
		series, number, ok := strings.Cut(line, " ")
		value, err := strconv.ParseFloat(number, 64)
		if !ok || err != nil || strings.Contains(series, "quantile=") || isExporters(series) {
			continue
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(series, "}"), "{")
		tags := strings.FieldsFunc(strings.ReplaceAll(labels, `"`, ""), func(r rune) bool { return r == ',' })
		suffix := ""
		for _, s := range []string{"count", "sum"} {
			if before, found := strings.CutSuffix(name, "_"+s); found {
				name, suffix = before, "."+s
			}
		}
		if suffix == ".sum" && strings.HasPrefix(name, "timing") {
			value *= 1000
		}
		all[seriesName(name, suffix, tags)] = value
	}
	return all
}

// isExporters reports whether the exporter exports a series about itself.
func isExporters(series string) bool {
	return slices.ContainsFunc([]string{"#", "go_", "process_", "promhttp_", "statsd_"}, func(prefix string) bool {
		return strings.HasPrefix(series, prefix)
	})
}
