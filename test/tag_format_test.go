package test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tagParsers are the forms of tags that the exporter can be told not to know.
var tagParsers = []string{"dogstatsd", "influxdb", "librato", "signalfx"}

func TestExporterReadsEachTagFormat(t *testing.T) {
	tags := []tag{{"env", "prod"}, {"locale", "en-us"}, {"city", "Köln"}}
	const labels = `{city="Köln",env="prod",locale="en-us"}`
	for _, test := range []struct{ format, labels string }{
		{"influxdb", labels},
		{"dogstatsd", labels},
		{"librato", labels},
		{"signalfx", labels},
		{"none", ""},
	} {
		t.Run(test.format, func(t *testing.T) {
			// The exporter knows this one form only. Without one it knows all,
			// so that it would find a tag.
			var only []string
			for _, parser := range tagParsers {
				if slices.Contains(tagParsers, test.format) && parser != test.format {
					only = append(only, "--no-statsd.parse-"+parser+"-tags")
				}
			}
			port, export := startExporter(t, only...)
			proxy := startProxy(t, "--statsd-port="+port, "--metric-prefix=shop", "--histograms", "--tag-format="+test.format)
			sent := sendEveryWay(t, proxy, tags, func(s *series) bool { return s.exported != nil })

			var want []string
			for _, s := range sent {
				for suffix, value := range s.exported {
					want = append(want, "shop_"+strings.ReplaceAll(s.name, ".", "_")+suffix+test.labels+" "+value)
				}
			}
			slices.Sort(want)
			waitForExport(t, export, want)
			lines := export()
			checkExporter(t, lines, countLines(sent))
			got := slices.DeleteFunc(lines, func(line string) bool {
				return !strings.HasPrefix(line, "shop_") || strings.Contains(line, `quantile="`)
			})
			slices.Sort(got)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("the exporter exports\ngot  %q\nwant %q", got, want)
			}
		})
	}
}

func TestSampledEntriesOfAnArrayAreMarked(t *testing.T) {
	port, export := startExporter(t)
	proxy := startProxy(t, "--statsd-port="+port)
	const entries = 200
	array := strings.Repeat(`{"metric": "hits", "metric_type": "count", "value": 3, "sampleRate": 0.5},`, entries) +
		`{"metric": "last", "metric_type": "gauge", "value": 1}`
	proxy.mustTake(t, "["+array+"]", entries+1)
	// The proxy leaves out about half, and the exporter doubles the rest.
	waitForExport(t, export, []string{"last 1"})
	passed, hits := 0.0, 0.0
	for _, line := range export() {
		name, value, _ := strings.Cut(line, " ")
		number, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "statsd_exporter_lines_total":
			passed = number - 1
		case "hits":
			hits = number
		}
	}
	if passed == 0 || passed == entries || hits != passed*6 {
		t.Errorf("got %v of %d counts and %v hits, want some of the counts, each with 6 hits", passed, entries, hits)
	}
}

func TestEtsyStatsDReadsGraphitesTagsAndNone(t *testing.T) {
	tags := []tag{{"env", "prod"}, {"locale", "en-us"}}
	for _, test := range []struct{ format, suffix string }{
		{"graphite", ";env=prod;locale=en-us"},
		{"none", ""},
	} {
		t.Run(test.format, func(t *testing.T) {
			statsd := startEtsyStatsD(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port, "--metric-prefix=shop", "--tag-format="+test.format)
			sent := sendEveryWay(t, proxy, tags, func(s *series) bool { return s.held != nil })

			want := etsyMetrics{
				Counters:    map[string]float64{},
				Gauges:      map[string]float64{},
				Timers:      map[string][]float64{},
				TimerCounts: map[string]float64{},
				Sets:        map[string][]string{},
			}
			for _, s := range sent {
				name := "shop." + s.name + test.suffix
				switch s.kind {
				case "count":
					want.Counters[name] = s.held.(float64)
				case "gauge":
					want.Gauges[name] = s.held.(float64)
				case "timing":
					want.Timers[name] = s.held.([]float64)
					want.TimerCounts[name] = s.observed
				case "set":
					want.Sets[name] = s.held.([]string)
				}
			}
			lines := countLines(sent)
			statsd.waitFor(t, lines)
			if got := statsd.flush(t, lines); !reflect.DeepEqual(got, want) {
				t.Errorf("StatsD flushes\ngot  %v\nwant %v", got, want)
			}
		})
	}
}

// wireLine is what a StatsD line says.
type wireLine struct {
	name              string
	tags              map[string]string
	value, kind, rate string
}

// parseGraphite reads a line as StatsD defines it, name:value|type|@rate, with
// tags in the name as Graphite defines them: name;key=value;key=value, where
// neither is empty, no key holds any of ;!^= and no value holds a semicolon or
// begins with a tilde. See https://graphite.readthedocs.io/en/latest/tags.html.
func parseGraphite(text string) (l wireLine, err error) {
	path, rest, ok := strings.Cut(text, ":")
	fields := strings.Split(rest, "|")
	if !ok || len(fields) < 2 || len(fields) > 3 || strings.Contains(rest, ":") {
		return l, fmt.Errorf("%q is not name:value|type|@rate", text)
	}
	l.value, l.kind = fields[0], fields[1]
	if len(fields) == 3 {
		if l.rate, ok = strings.CutPrefix(fields[2], "@"); !ok {
			return l, fmt.Errorf("%q has the unknown section %q", text, fields[2])
		}
	}
	parts := strings.Split(path, ";")
	l.name, l.tags = parts[0], map[string]string{}
	if l.name == "" {
		return l, fmt.Errorf("%q has no name", text)
	}
	for _, part := range parts[1:] {
		key, value, ok := strings.Cut(part, "=")
		switch _, twice := l.tags[key]; {
		case !ok || key == "" || value == "" || strings.ContainsAny(key, "!^") || value[0] == '~':
			return l, fmt.Errorf("%q has the bad tag %q", text, part)
		case twice:
			return l, fmt.Errorf("%q has the tag %q twice", text, key)
		}
		l.tags[key] = value
	}
	return l, nil
}

func TestLinesHaveGraphitesDocumentedForm(t *testing.T) {
	tags := []tag{{"env", "prod"}, {"locale", "en-us"}, {"city", "Köln"}, {"mark", "a~!^[b]"}}
	for _, test := range []struct {
		format string
		tags   map[string]string
	}{
		{"graphite", map[string]string{"env": "prod", "locale": "en-us", "city": "Köln", "mark": "a~!^[b]"}},
		{"none", map[string]string{}},
	} {
		t.Run(test.format, func(t *testing.T) {
			statsd := startReceiver(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port, "--metric-prefix=shop", "--histograms", "--tag-format="+test.format)
			sent := sendEveryWay(t, proxy, tags, func(*series) bool { return true })
			var want []wireLine
			for _, s := range sent {
				for _, line := range s.leaves() {
					value, rest, _ := strings.Cut(line, "|")
					kind, rate, _ := strings.Cut(rest, "|@")
					want = append(want, wireLine{"shop." + s.name, test.tags, value, kind, rate})
				}
			}
			proxy.Stop(t)
			var got []wireLine
			for _, text := range statsd.all(t) {
				line, err := parseGraphite(text)
				if err != nil {
					t.Error(err)
				}
				got = append(got, line)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("lines that StatsD received\ngot  %v\nwant %v", got, want)
			}
		})
	}
}

func TestTagsThatAFormatCannotHoldAreRefused(t *testing.T) {
	for _, test := range []struct {
		format  string
		refused []string // as a key
	}{
		{"influxdb", nil},
		{"dogstatsd", nil},
		{"librato", nil},
		{"signalfx", []string{"[", "]"}},
		{"graphite", []string{"!", "^"}},
		{"none", nil},
	} {
		t.Run(test.format, func(t *testing.T) {
			proxy := startProxy(t, "--statsd-port="+startReceiver(t).port, "--tag-format="+test.format)
			for _, character := range []string{"[", "]", "!", "^", "~", "ö", "/", "$"} {
				want := 200
				if slices.Contains(test.refused, character) {
					want = 400
				}
				body := fmt.Sprintf(`{"value": 1, "tags": {"a%sb": "prod"}}`, character)
				if status, answer := proxy.send(t, "/count/hits", body); status != want {
					t.Errorf("a key with %s: got %d %s, want %d", character, status, answer, want)
				}
			}
		})
	}
}
