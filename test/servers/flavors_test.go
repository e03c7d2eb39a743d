package servers

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// flavorServers are the servers that run in the tests.
var flavorServers = []struct {
	flavor, network string
	start           func(t *testing.T, network string) *receiver
}{
	{"etsy", "udp", startEtsyReceiver},
	{"etsy", "tcp", startEtsyReceiver},
	{"telegraf", "udp", startTelegrafReceiver},
	{"telegraf", "tcp", startTelegrafReceiver},
	{"statsd-exporter", "udp", startExporterReceiver},
	{"statsd-exporter", "tcp", startExporterReceiver},
	{"gostatsd", "udp", startGostatsd},
}

// eachServer runs test with each of flavorServers and with a proxy of its flavor.
// options are more options of the proxy.
func eachServer(t *testing.T, options []string, test func(t *testing.T, f *flavor, r *receiver, p *testutil.Proxy)) {
	t.Helper()
	flavors := readFlavors(t)
	for _, s := range flavorServers {
		t.Run(s.flavor+"/"+s.network, func(t *testing.T) {
			t.Parallel()
			i := slices.IndexFunc(flavors, func(f flavor) bool { return f.name == s.flavor })
			if i < 0 {
				t.Fatalf("docs/statsd-servers.md does not have the flavor %s", s.flavor)
			}
			r := s.start(t, s.network)
			proxy := testutil.StartProxy(t, append([]string{"--statsd-port=" + r.port, "--statsd-flavor=" + s.flavor, "--statsd-network=" + s.network}, options...)...)
			test(t, &flavors[i], r, proxy)
		})
	}
}

// flavorCase is what a client sends and what servers store for it.
type flavorCase struct {
	kind  string   // "" if every server has it, or a type or shift
	posts []string // path and body
	lines []string
	want  stored // with the tags a=1 and b=2 for names with tagged
}

var flavorCases = []flavorCase{
	{
		posts: []string{`/count/count_posted {"value": 3}`, `/count/count_posted {"value": 4}`},
		want:  stored{"count_posted": 7},
	},
	{
		lines: []string{"count_sampled:4|c|@0.5", "count_several:1|c:2|c:3|c", "count_values:1:2:3|c"},
		want:  stored{"count_sampled": 8, "count_several": 6, "count_values": 6},
	},
	{ // one counter, whatever the order of the tags
		posts: []string{
			`/count/count_tagged {"value": 1, "tags": "b=2,a=1"}`,
			`/count/count_tagged {"value": 10, "tags": {"a": 1, "b": 2}}`,
		},
		lines: []string{"count_tagged,b=2,a=1:100|c:1000|c", "count_tagged;a=1;b=2:10000|c", "count_tagged:100000|c|#b:2,a:1"},
		want:  stored{"count_tagged": 111111},
	},
	{
		posts: []string{
			`/gauge/gauge_negative {"value": -5}`,
			`/gauge/gauge_tagged {"value": -5.5, "tags": "b=2,a=1"}`,
			`/batch [{"metric": "gauge_array", "metric_type": "gauge", "value": -6}]`,
		},
		lines: []string{"gauge_lines:0|g", "gauge_lines:-7|g", "gauge_line:0|g:-8|g", "gauge_lines_tagged:0|g|#b:2,a:1", "gauge_lines_tagged:-9|g|#b:2,a:1"},
		want: stored{
			"gauge_negative": -5, "gauge_tagged": -5.5, "gauge_array": -6, "gauge_lines": -7, "gauge_line": -8, "gauge_lines_tagged": -9,
		},
	},
	{
		posts: []string{`/timing/timing_posted {"value": 320}`, `/timing/timing_posted {"time": 12.5}`},
		lines: []string{"timing_sampled:250|ms|@0.5", "timing_several:250:500:1000|ms", "timing_tagged,b=2,a=1:1|ms:2|ms"},
		want: stored{
			"timing_posted.count": 2, "timing_posted.sum": 332.5, "timing_sampled.count": 2, "timing_sampled.sum": 500,
			"timing_several.count": 3, "timing_several.sum": 1750, "timing_tagged.count": 2, "timing_tagged.sum": 3,
		},
	},
	{ // what other clients write
		lines: []string{
			"gauge_rated:7|g|@0.5", "count_point:1|c|@.1", "timing_point:.5|ms", "timing_point:5.|ms", "\t count_blank:1|c ",
			"count_fields_tagged:3|c|#a:1,b:2|c:in-1234|T1656581400|e:it-false,cn-a|card:low",
		},
		want: stored{
			"gauge_rated": 7, "count_point": 10, "timing_point.count": 2, "timing_point.sum": 5.5, "count_blank": 1, "count_fields_tagged": 3,
		},
	},
	{
		kind:  "set",
		posts: []string{`/set/set_posted {"value": "alice"}`, `/set/set_posted {"value": "bob"}`, `/set/set_posted {"value": "alice"}`},
		lines: []string{"set_lines:alice|s|@0.5", "set_lines:bob|s", "set_tagged:42|s|#b:2,a:1"},
		want:  stored{"set_posted.members": 2, "set_lines.members": 2, "set_tagged.members": 1},
	},
	{
		kind:  "histogram",
		posts: []string{`/histogram/histogram_posted {"value": 320}`, `/histogram/histogram_tagged {"value": 12.5, "tags": "a=1,b=2"}`},
		lines: []string{"histogram_sampled:3|h|@0.25"},
		want: stored{
			"histogram_posted.count": 1, "histogram_posted.sum": 320, "histogram_tagged.count": 1, "histogram_tagged.sum": 12.5,
			"histogram_sampled.count": 4, "histogram_sampled.sum": 12,
		},
	},
	{
		kind:  "distribution",
		posts: []string{`/distribution/distribution_posted {"value": 320}`},
		lines: []string{"distribution_tagged:12.5|d|#b:2,a:1", "distribution_several:1|d:2|d"},
		want: stored{
			"distribution_posted.count": 1, "distribution_posted.sum": 320, "distribution_tagged.count": 1, "distribution_tagged.sum": 12.5,
			"distribution_several.count": 2, "distribution_several.sum": 3,
		},
	},
}

// supports reports whether the table says that the server of f has a case's kind.
func (f *flavor) supports(kind string) bool {
	return kind == "" || kind == "shift" && f.hasShift || slices.Contains(f.types, kind)
}

// send sends the posts and the lines, or fails the test unless the proxy rejects each.
func (c *flavorCase) send(t *testing.T, f *flavor, p *testutil.Proxy) {
	t.Helper()
	for _, post := range c.posts {
		path, body, _ := strings.Cut(post, " ")
		want := 200
		if !f.supports(c.kind) {
			want = 400
		}
		if status, answer := p.Send(t, path, body); status != want {
			t.Errorf("POST %s with %s: got %d %s, want %d", path, body, status, answer, want)
		}
	}
	switch lines := strings.Join(c.lines, "\n"); {
	case lines == "":
	case f.supports(c.kind):
		p.MustSendBatch(t, lines, len(c.lines))
	default:
		p.MustReject(t, "/batch", lines, 400, `"accepted":0,`)
	}
}

// TestServersStoreEachMetric sends each metric that the table of flavors lists to the
// server, and compares all that the server has stored.
func TestServersStoreEachMetric(t *testing.T) {
	t.Parallel()
	eachServer(t, nil, func(t *testing.T, f *flavor, r *receiver, p *testutil.Proxy) {
		want := stored{}
		for _, c := range flavorCases {
			c.send(t, f, p)
			if !f.supports(c.kind) {
				continue
			}
			for name, value := range c.want {
				if strings.Contains(name, "_tagged") && f.tagFormat != "none" {
					name += "{a=1,b=2}"
				}
				want[name] = value
			}
		}
		r.waitForLast(t, p, want)
		r.waitFor(t, want)
	})
}

// waitForLast sends a gauge and waits until the server has it. A server that reads
// lines in order has read all others then.
func (r *receiver) waitForLast(t *testing.T, p *testutil.Proxy, want stored) {
	t.Helper()
	p.MustSend(t, "/gauge/last", `{"value": 1}`)
	want["last"] = 1
	testutil.Eventually(t, "the gauge last in the server", func() bool { return r.gauges()["last"] == 1 })
}

// Telegraf parses the lines of a TCP connection with five workers, in any order. If a
// negative gauge is two lines, most gauges become 0.
func TestManyNegativeGaugesArrive(t *testing.T) {
	t.Parallel()
	eachServer(t, nil, func(t *testing.T, _ *flavor, r *receiver, p *testutil.Proxy) {
		want := stored{}
		var batch strings.Builder
		for i := range 60 {
			posted, line := fmt.Sprintf("posted_%d", i), fmt.Sprintf("line_%d", i)
			p.MustSend(t, "/gauge/"+posted, fmt.Sprintf(`{"value": -%d}`, i+1))
			fmt.Fprintf(&batch, "%s:0|g\n%s:-%d|g\n", line, line, i+1)
			want[posted], want[line] = float64(-i-1), float64(-i-1)
		}
		p.MustSendBatch(t, batch.String(), 120)
		r.waitForLast(t, p, want)
		r.waitFor(t, want)
	})
}

// TestShiftMovesAGauge sends changes after the server has the level, because some
// servers read lines in any order.
func TestShiftMovesAGauge(t *testing.T) {
	t.Parallel()
	eachServer(t, nil, func(t *testing.T, f *flavor, r *receiver, p *testutil.Proxy) {
		levels := stored{"gauge_up": 10, "gauge_down": 10, "gauge_sunk": 10}
		for name, level := range levels {
			p.MustSend(t, "/gauge/"+name, fmt.Sprintf(`{"value": %v}`, level))
		}
		testutil.Eventually(t, "the levels", func() bool { return maps.Equal(r.gauges(), levels) })
		moves := flavorCase{kind: "shift", posts: []string{`/gauge/gauge_up {"shift": 5}`}, lines: []string{"gauge_down:-3|g"}}
		moves.send(t, f, p)
		p.MustSend(t, "/gauge/gauge_sunk", `{"value": -7}`)
		want := stored{"gauge_up": 10, "gauge_down": 10, "gauge_sunk": -7}
		if f.hasShift {
			want["gauge_up"], want["gauge_down"] = 15, 7
		}
		r.waitForLast(t, p, want)
		r.waitFor(t, want)
	})
}

// TestServersDoNotUnderstandTheOtherTypes sends the types that the table of flavors
// leaves out through a proxy without a flavor.
func TestServersDoNotUnderstandTheOtherTypes(t *testing.T) {
	t.Parallel()
	options := []string{"--statsd-flavor=none", "--histograms", "--tag-format=none"}
	eachServer(t, options, func(t *testing.T, f *flavor, r *receiver, p *testutil.Proxy) {
		others, want := 0.0, stored{}
		for _, kind := range moreTypes {
			p.MustSend(t, "/"+kind+"/"+kind, `{"value": 7}`)
			switch {
			case !f.supports(kind):
				others++
				want[kind] = 7 // a count
			case kind == "set":
				want[kind+".members"] = 1
			}
		}
		r.waitForLast(t, p, want)
		if r.faults == nil {
			r.waitFor(t, want)
			return
		}
		testutil.Eventually(t, fmt.Sprintf("%v lines that the server does not understand", others), func() bool { return r.faults() == others })
	})
}
