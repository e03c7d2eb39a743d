package servers

import (
	"reflect"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestEtsyStatsDReceivesEachMetric(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)

	const (
		asJSON = "application/json; charset=utf-8"
		asForm = "application/x-www-form-urlencoded"
		asText = "text/plain;charset=UTF-8"
	)
	lines := 0
	for _, request := range []struct {
		path, contentType, body string
		lines                   int
	}{
		// counts
		{"/count/whole", asJSON, `{"value": 3}`, 1},
		{"/count/whole", asJSON, `{"value": 4}`, 1},
		{"/count/decimal", asJSON, `{"value": 2.5}`, 1},
		{"/count/negative", asJSON, `{"value": -4}`, 1},
		{"/count/large", asJSON, `{"value": 9007199254740991}`, 1},
		{"/count/sampled", asJSON, `{"value": 2, "sampleRate": 1}`, 1},
		{"/count/default", "", "", 1},

		// gauges
		{"/gauge/positive", asJSON, `{"value": 5}`, 1},
		{"/gauge/decimal", asJSON, `{"value": 0.5}`, 1},
		{"/gauge/negative", asJSON, `{"value": -5}`, 2},
		{"/gauge/sunk", asJSON, `{"value": 7}`, 1},
		{"/gauge/sunk", asJSON, `{"value": -7}`, 2},
		{"/gauge/sunk.deeper", asJSON, `{"value": -7}`, 2},
		{"/gauge/sunk.deeper", asJSON, `{"value": -70}`, 2},
		{"/gauge/up", asJSON, `{"value": 10}`, 1},
		{"/gauge/up", asJSON, `{"shift": 5}`, 1},
		{"/gauge/down", asJSON, `{"value": 10}`, 1},
		{"/gauge/down", asJSON, `{"shift": -3}`, 1},

		// timings
		{"/timing/spent", asJSON, `{"value": 320}`, 1},
		{"/timing/spent", asJSON, `{"value": 12.5}`, 1},
		{"/timing/other-name", asJSON, `{"time": 7}`, 1},
		{"/timing/default", "", "", 1},

		// sets
		{"/set/users", asJSON, `{"value": "alice"}`, 1},
		{"/set/users", asJSON, `{"value": "bob"}`, 1},
		{"/set/users", asJSON, `{"value": "alice"}`, 1},
		{"/set/numbers", asJSON, `{"value": 42}`, 1},

		// the same metric in each form of body
		{"/count/body.json", asJSON, `{"value": 31}`, 1},
		{"/count/body.json.string", asJSON, `{"value": "31"}`, 1},
		{"/count/body.json.text", asText, `{"value": 31}`, 1},
		{"/count/body.json.undeclared", "", `{"value": 31}`, 1},
		{"/count/body.form", asForm, `value=31`, 1},
		{"/count/body.form.text", asText, `value=31`, 1},
		{"/count/body.form.called.json", asJSON, `value=31`, 1},
		{"/count/body.form.undeclared", "", `value=31`, 1},
		{"/count/body.multipart", "multipart/form-data; boundary=x",
			"--x\r\nContent-Disposition: form-data; name=\"value\"\r\n\r\n31\r\n--x--\r\n", 1},
		{"/count/body.query?value=31", "", "", 1},
		{"/gauge/form", asForm, `value=-8.25`, 2},
		{"/timing/form", asForm, `value=8.25`, 1},
		{"/set/form", asForm, `value=alice+b%C3%BCrger`, 1},
		{"/set/query?value=%C3%A9t%C3%A9", "", "", 1},

		// names
		{"/count/a/b%20c", asJSON, `{"value": 1}`, 1},
	} {
		proxy.MustSend(t, request.path, request.body, "Content-Type", request.contentType)
		lines += request.lines
	}

	want := testutil.EtsyMetrics{
		Counters: map[string]float64{
			"whole": 7, "decimal": 2.5, "negative": -4, "large": 9007199254740991, "sampled": 2, "default": 0,
			"body.json": 31, "body.json.string": 31, "body.json.text": 31, "body.json.undeclared": 31,
			"body.form": 31, "body.form.text": 31, "body.form.called.json": 31, "body.form.undeclared": 31,
			"body.multipart": 31, "body.query": 31,
			"a-b_c": 1, // StatsD replaces the slash
		},
		Gauges: map[string]float64{
			"positive": 5, "decimal": 0.5, "negative": -5, "sunk": -7, "sunk.deeper": -70, "up": 15, "down": 7,
			"form": -8.25,
		},
		Timers: map[string][]float64{
			"spent": {320, 12.5}, "other-name": {7}, "default": {0}, "form": {8.25},
		},
	}
	if got := statsd.WaitFor(t, lines); !reflect.DeepEqual(got, want) {
		t.Errorf("the management port shows\ngot  %v\nwant %v", got, want)
	}

	want.Sets = map[string][]string{
		"users": {"alice", "bob"}, "numbers": {"42"}, "form": {"alice bürger"}, "query": {"été"},
	}
	want.Timers["spent"] = []float64{12.5, 320} // sorted for percentiles
	want.TimerCounts = map[string]float64{"spent": 2, "other-name": 1, "default": 1, "form": 1}
	if got := statsd.Flush(t, lines); !reflect.DeepEqual(got, want) {
		t.Errorf("StatsD flushes\ngot  %v\nwant %v", got, want)
	}
}

func TestRejectedRequestsSendNothingToEtsyStatsD(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)

	for _, request := range []struct {
		path, body string
		status     int
	}{
		{"/count/bad", `{"value": "many"}`, 400},
		{"/count/bad", `{"value": 1} 2`, 400},
		{"/count/bad", "value=1&value=2", 400},
		{"/count/two%0Alines:1%7Cc", `{"value": 1}`, 400},
		{"/gauge/bad", `{"value": 1, "shift": 1}`, 400},
		{"/timing/bad", `{"value": -1}`, 400},
		{"/set/bad", `{"value": "a\nb:1|c"}`, 400},
		{"/meter/bad", `{"value": 1}`, 404},
	} {
		if status, answer := proxy.Send(t, request.path, request.body); status != request.status {
			t.Errorf("POST %s with %q: got %d %s, want %d", request.path, request.body, status, answer, request.status)
		}
	}
	// Lines arrive in order, so other lines would arrive before this one.
	proxy.MustSend(t, "/count/good", `{"value": 1}`)
	want := testutil.EtsyMetrics{
		Counters: map[string]float64{"good": 1},
		Gauges:   map[string]float64{},
		Timers:   map[string][]float64{},
	}
	if got := statsd.WaitFor(t, 1); !reflect.DeepEqual(got, want) {
		t.Errorf("the management port shows: got %v, want %v", got, want)
	}
}
