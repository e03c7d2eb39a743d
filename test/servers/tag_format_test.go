package servers

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// tagParsers are the tag formats that the exporter can parse. Each has an option to
// turn it off.
var tagParsers = []string{"dogstatsd", "influxdb", "librato", "signalfx"}

func TestExporterUnderstandsEachTagFormat(t *testing.T) {
	t.Parallel()
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
			t.Parallel()
			// The exporter parses this format only. If the test is about no tags, it
			// parses all formats.
			var only []string
			for _, parser := range tagParsers {
				if slices.Contains(tagParsers, test.format) && parser != test.format {
					only = append(only, "--no-statsd.parse-"+parser+"-tags")
				}
			}
			port, export := startExporter(t, only...)
			proxy := testutil.StartProxy(t, "--statsd-port="+port, "--metric-prefix=shop", "--histograms", "--tag-format="+test.format)
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

func TestSampledEntriesOfAnArrayCarryTheirRate(t *testing.T) {
	t.Parallel()
	port, export := startExporter(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+port)
	const entries = 200
	array := strings.Repeat(`{"metric": "hits", "metric_type": "count", "value": 3, "sampleRate": 0.5},`, entries) +
		`{"metric": "last", "metric_type": "gauge", "value": 1}`
	proxy.MustSendBatch(t, "["+array+"]", entries+1)
	// The proxy drops about half of the entries, and the exporter counts the others
	// twice.
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

func TestEtsyStatsDUnderstandsGraphiteTagsAndNoTags(t *testing.T) {
	t.Parallel()
	tags := []tag{{"env", "prod"}, {"locale", "en-us"}}
	for _, test := range []struct{ format, suffix string }{
		{"graphite", ";env=prod;locale=en-us"},
		{"none", ""},
	} {
		t.Run(test.format, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartEtsyStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--metric-prefix=shop", "--tag-format="+test.format)
			sent := sendEveryWay(t, proxy, tags, func(s *series) bool { return s.stored != nil })

			want := testutil.EtsyMetrics{
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
					want.Counters[name] = s.stored.(float64)
				case "gauge":
					want.Gauges[name] = s.stored.(float64)
				case "timing":
					want.Timers[name] = s.stored.([]float64)
					want.TimerCounts[name] = s.observed
				case "set":
					want.Sets[name] = s.stored.([]string)
				}
			}
			lines := countLines(sent)
			statsd.WaitFor(t, lines)
			if got := statsd.Flush(t, lines); !reflect.DeepEqual(got, want) {
				t.Errorf("StatsD flushes\ngot  %v\nwant %v", got, want)
			}
		})
	}
}

// wireLine is a parsed StatsD line.
type wireLine struct {
	name              string
	tags              map[string]string
	value, kind, rate string
}

// parseGraphite parses name:value|type|@rate, with tags in the name as Graphite
// defines them: name;key=value;key=value. Keys and values are not empty, a key
// contains none of ;!^= and a value contains no semicolon and does not begin with a
// tilde. See https://graphite.readthedocs.io/en/latest/tags.html.
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

func TestLinesHaveTheFormThatGraphiteDocuments(t *testing.T) {
	t.Parallel()
	tags := []tag{{"env", "prod"}, {"locale", "en-us"}, {"city", "Köln"}, {"mark", "a~!^[b]"}}
	for _, test := range []struct {
		format string
		tags   map[string]string
	}{
		{"graphite", map[string]string{"env": "prod", "locale": "en-us", "city": "Köln", "mark": "a~!^[b]"}},
		{"none", map[string]string{}},
	} {
		t.Run(test.format, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--metric-prefix=shop", "--histograms", "--tag-format="+test.format)
			sent := sendEveryWay(t, proxy, tags, func(*series) bool { return true })
			var want []wireLine
			for _, s := range sent {
				for _, line := range s.sentLines() {
					value, rest, _ := strings.Cut(line, "|")
					kind, rate, _ := strings.Cut(rest, "|@")
					want = append(want, wireLine{"shop." + s.name, test.tags, value, kind, rate})
				}
			}
			proxy.Stop(t)
			var got []wireLine
			for _, text := range statsd.All(t) {
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

func TestProxyRejectsTagsThatAFormatCannotExpress(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		format   string
		rejected []string // as a key
	}{
		{"influxdb", nil},
		{"dogstatsd", nil},
		{"librato", nil},
		{"signalfx", []string{"[", "]"}},
		{"graphite", []string{"!", "^"}},
		{"none", nil},
	} {
		t.Run(test.format, func(t *testing.T) {
			t.Parallel()
			proxy := testutil.StartProxy(t, "--statsd-port="+testutil.StartSink(t), "--tag-format="+test.format)
			for _, character := range []string{"[", "]", "!", "^", "~", "ö", "/", "$"} {
				want := 200
				if slices.Contains(test.rejected, character) {
					want = 400
				}
				body := fmt.Sprintf(`{"value": 1, "tags": {"a%sb": "prod"}}`, character)
				if status, answer := proxy.Send(t, "/count/hits", body); status != want {
					t.Errorf("a key with %s: got %d %s, want %d", character, status, answer, want)
				}
			}
		})
	}
}
