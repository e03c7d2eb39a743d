package servers

import (
	"fmt"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

type tag struct{ key, value string }

// joinTags returns tags like env=prod,locale=en-us. It puts joins between a key and
// its value, and separates between two tags.
func joinTags(tags []tag, joins, separates string) string {
	var pairs []string
	for _, t := range tags {
		pairs = append(pairs, t.key+joins+t.value)
	}
	return strings.Join(pairs, separates)
}

// series is what clients send under one name, in order, and what servers have to
// store for it.
type series struct {
	name  string
	kind  string
	posts []string // in JSON, without type, name and tags; nil if JSON cannot express it
	lines []string // the same as StatsD lines, without name and tags

	wire     []string          // the lines that the proxy sends, without name and tags; nil if they equal lines
	exported map[string]string // by statsd_exporter: values by what follows the name
	stored   any               // by Etsy StatsD: a sum, a level, a sorted list of durations or of members
	observed float64           // by Etsy StatsD: the number of durations before sampling
}

// allSeries has each kind of metric.
var allSeries = []series{
	{
		name: "hits", kind: "count",
		posts:    []string{`"value": 100500`, `"value": "2.5"`},
		lines:    []string{"100500|c", "2.5|c"},
		exported: map[string]string{"": "100502.5"},
		stored:   100502.5,
	},
	{
		name: "hits.sampled", kind: "count",
		lines:    []string{"4|c|@0.5", "3|c|@0.25"},
		exported: map[string]string{"": "20"},
		stored:   20.0,
	},
	{
		name: "hits.several", kind: "count",
		lines:    []string{"1:2:3.5|c"},
		wire:     []string{"1|c", "2|c", "3.5|c"},
		exported: map[string]string{"": "6.5"},
		stored:   6.5,
	},
	{
		name: "level", kind: "gauge",
		posts:    []string{`"value": 7`, `"value": 10.5`},
		lines:    []string{"7|g", "10.5|g"},
		exported: map[string]string{"": "10.5"},
		stored:   10.5,
	},
	{
		name: "level.negative", kind: "gauge",
		posts:    []string{`"value": 70`, `"value": -7`},
		lines:    []string{"70|g", "0|g", "-7|g"},
		exported: map[string]string{"": "-7"},
		stored:   -7.0,
	},
	{
		name: "level.moved", kind: "gauge",
		posts:    []string{`"value": 10`, `"shift": 5`, `"shift": -7.5`},
		lines:    []string{"10|g", "+5|g", "-7.5|g"},
		exported: map[string]string{"": "7.5"},
		stored:   7.5,
	},
	{
		name: "spent", kind: "timing",
		posts:    []string{`"value": 320`},
		lines:    []string{"320|ms"},
		exported: map[string]string{"_sum": "0.32", "_count": "1"},
		stored:   []float64{320}, observed: 1,
	},
	{
		name: "spent.time", kind: "timing",
		posts:    []string{`"time": 12.5`},
		lines:    []string{"12.5|ms"},
		exported: map[string]string{"_sum": "0.0125", "_count": "1"},
		stored:   []float64{12.5}, observed: 1,
	},
	{
		name: "spent.sampled", kind: "timing",
		lines:    []string{"250|ms|@0.5"},
		exported: map[string]string{"_sum": "0.5", "_count": "2"},
		stored:   []float64{250}, observed: 2,
	},
	{
		name: "spent.several", kind: "timing",
		lines:    []string{"250:500:1000|ms"},
		wire:     []string{"250|ms", "500|ms", "1000|ms"},
		exported: map[string]string{"_sum": "1.75", "_count": "3"},
		stored:   []float64{250, 500, 1000}, observed: 3,
	},
	{
		name: "members", kind: "set",
		posts:  []string{`"value": "alice"`, `"value": 42`, `"value": "bob, #1; a=b"`, `"value": "alice"`},
		lines:  []string{"alice|s", "42|s", "bob, #1; a=b|s", "alice|s"},
		stored: []string{"42", "alice", "bob, #1; a=b"},
	},
	{
		name: "size", kind: "histogram",
		posts:    []string{`"value": 320`, `"value": 12.5`},
		lines:    []string{"320|h", "12.5|h"},
		exported: map[string]string{"_sum": "332.5", "_count": "2"},
	},
	{
		name: "size.sampled", kind: "histogram",
		lines:    []string{"3|h|@0.25"},
		exported: map[string]string{"_sum": "12", "_count": "4"},
	},
	{
		name: "length", kind: "distribution",
		posts:    []string{`"value": 320`, `"value": 12.5`},
		lines:    []string{"320|d", "12.5|d"},
		exported: map[string]string{"_sum": "332.5", "_count": "2"},
	},
	{
		name: "length.sampled", kind: "distribution",
		lines:    []string{"3|d|@0.5"},
		exported: map[string]string{"_sum": "6", "_count": "2"},
	},
}

// sentLines returns the lines that the proxy sends, without name and tags.
func (s *series) sentLines() []string {
	if s.wire != nil {
		return s.wire
	}
	return s.lines
}

// way is how a client sends metrics.
type way struct {
	name   string
	isJSON bool
	send   func(t *testing.T, p *testutil.Proxy, all []series, tags []tag)
}

// ways has all ways. sendEveryWay puts the name of the way before the names of the
// series.
var ways = []way{
	{"single", true, func(t *testing.T, p *testutil.Proxy, all []series, tags []tag) {
		t.Helper()
		for _, s := range all {
			for _, post := range s.posts {
				p.MustSend(t, "/"+s.kind+"/"+s.name, fmt.Sprintf(`{%s, "tags": %q}`, post, joinTags(tags, "=", ",")))
			}
		}
	}},
	{"named", true, func(t *testing.T, p *testutil.Proxy, all []series, tags []tag) {
		t.Helper()
		for _, s := range all {
			for _, post := range s.posts {
				p.MustSend(t, "/"+s.kind, fmt.Sprintf(`{"metric": %q, "tags": %q, %s}`, s.name, joinTags(tags, "=", ","), post))
			}
		}
	}},
	{"array", true, func(t *testing.T, p *testutil.Proxy, all []series, tags []tag) {
		t.Helper()
		sendArray(t, p, all, fmt.Sprintf(`{"metric": %%q, "metric_type": %%q, "tags": %q, %%s}`, joinTags(tags, "=", ",")))
	}},
	{"array.short", true, func(t *testing.T, p *testutil.Proxy, all []series, tags []tag) {
		t.Helper()
		var object []string
		for _, tag := range tags {
			object = append(object, fmt.Sprintf("%q: %q", tag.key, tag.value))
		}
		sendArray(t, p, all, fmt.Sprintf(`{"name": %%q, "type": %%q, "tags": {%s}, %%s}`, strings.Join(object, ", ")))
	}},
	{"lines.influxdb", false, func(t *testing.T, p *testutil.Proxy, all []series, tags []tag) {
		t.Helper()
		sendLines(t, p, all, ","+joinTags(tags, "=", ","), "")
	}},
	{"lines.graphite", false, func(t *testing.T, p *testutil.Proxy, all []series, tags []tag) {
		t.Helper()
		sendLines(t, p, all, ";"+joinTags(tags, "=", ";"), "")
	}},
	{"lines.dogstatsd", false, func(t *testing.T, p *testutil.Proxy, all []series, tags []tag) {
		t.Helper()
		sendLines(t, p, all, "", "|#"+joinTags(tags, ":", ","))
	}},
}

// sendArray sends a JSON array. form is the format of an entry, for a name, a kind and
// the parameters.
func sendArray(t *testing.T, p *testutil.Proxy, all []series, form string) {
	t.Helper()
	var entries []string
	for _, s := range all {
		for _, post := range s.posts {
			entries = append(entries, fmt.Sprintf(form, s.name, s.kind, post))
		}
	}
	p.MustSendBatch(t, "["+strings.Join(entries, ",\n")+"]", len(entries), "Content-Type", "application/json")
}

// sendLines sends a batch of StatsD lines. It writes the tags after the name or at the
// end of each line.
func sendLines(t *testing.T, p *testutil.Proxy, all []series, afterName, atEnd string) {
	t.Helper()
	var lines []string
	for _, s := range all {
		for _, line := range s.lines {
			lines = append(lines, s.name+afterName+":"+line+atEnd)
		}
	}
	p.MustSendBatch(t, strings.Join(lines, "\n")+"\n", len(lines), "Content-Type", "text/plain;charset=UTF-8")
}

// sendEveryWay sends the series for which keep returns true, in every way. It returns
// what it has sent, with full names and in order.
func sendEveryWay(t *testing.T, p *testutil.Proxy, tags []tag, keep func(*series) bool) []series {
	t.Helper()
	var sent []series
	for _, way := range ways {
		var all []series
		for _, s := range allSeries {
			if keep(&s) && (s.posts != nil || !way.isJSON) {
				s.name = way.name + "." + s.name
				all = append(all, s)
			}
		}
		way.send(t, p, all, tags)
		sent = append(sent, all...)
	}
	return sent
}

// countLines returns how many lines the proxy sends for all series.
func countLines(all []series) (lines int) {
	for _, s := range all {
		lines += len(s.sentLines())
	}
	return lines
}
