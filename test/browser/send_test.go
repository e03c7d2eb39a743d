package browser

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// sendReport is what scripts/send.mjs prints.
type sendReport struct {
	JQuery                                any // the status, or the error
	Fetch, ZippedBatch, BadValue, NoToken struct {
		Status int
		Body   string
	}
	Beacons []bool // whether the browser accepted each beacon
}

func TestPageOfAnotherOriginSendsMetrics(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret=somesecret", "--verbose")

	var seen sendReport
	browser := testutil.StartBrowserScript(t, "send.mjs", &seen, map[string]any{
		"page":  servePlainPage(t),
		"proxy": proxy.URL,
		"token": testutil.NewToken(t, "somesecret"),
	})

	if seen.JQuery != 200.0 {
		t.Errorf("status of the jQuery call: got %v, want 200", seen.JQuery)
	}
	if seen.Fetch.Status != 200 || seen.Fetch.Body != "" {
		t.Errorf("fetch: got %+v, want 200 and no body", seen.Fetch)
	}
	if want := `{"accepted":2,"rejected":[]}`; seen.ZippedBatch.Status != 200 || seen.ZippedBatch.Body != want {
		t.Errorf("fetch of a compressed batch: got %+v, want 200 and %s", seen.ZippedBatch, want)
	}
	if want := []bool{true, true, true, true, true}; !reflect.DeepEqual(seen.Beacons, want) {
		t.Errorf("beacons that the browser accepted: got %v, want %v", seen.Beacons, want)
	}
	// The page can read why the proxy rejected its requests.
	for _, rejected := range []struct {
		name, body  string
		status, got int
		names       string
	}{
		{"a bad value", seen.BadValue.Body, 400, seen.BadValue.Status, "value"},
		{"no token", seen.NoToken.Body, 401, seen.NoToken.Status, "token"},
	} {
		var answer struct{ Error string }
		err := json.Unmarshal([]byte(rejected.body), &answer)
		if rejected.got != rejected.status || err != nil || !strings.Contains(answer.Error, rejected.names) {
			t.Errorf("fetch with %s: got %d %q, want %d and an error that contains %s",
				rejected.name, rejected.got, rejected.body, rejected.status, rejected.names)
		}
	}

	want := map[string]float64{
		"jquery":        100500,
		"fetch":         10,
		"beacon.string": 11,
		"beacon.params": 12,
		"beacon.form":   13,
		"beacon.blob":   14,
		"zipped.one":    15,
		"zipped.two":    16,
		"beacon.one":    17,
		"beacon.two":    18,
	}
	if got := statsd.WaitFor(t, len(want)).Counters; !reflect.DeepEqual(got, want) {
		t.Errorf("StatsD has counted\ngot  %v\nwant %v", got, want)
	}
	browser.End(t)
}

func TestPageSendsOverHTTP2(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartSecureProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret=somesecret", "--verbose")
	type page struct {
		Statuses  []int
		Beacon    bool
		Large     int
		Protocols []string
	}
	var got map[string]page
	browser := testutil.StartBrowserScript(t, "http2.mjs", &got, map[string]any{
		"page":  servePlainPage(t),
		"proxy": proxy.URL,
		"token": testutil.NewToken(t, "somesecret"),
	})
	want := map[string]page{
		"own":   {[]int{200}, true, 200, []string{"h2"}},
		"other": {[]int{200}, true, 200, got["other"].Protocols},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the pages saw %+v, want %+v", got, want)
	}
	counted := map[string]float64{
		"own.fetch": 50, "own.beacon": 7, "own.large": 2000,
		"other.fetch": 50, "other.beacon": 7, "other.large": 2000,
	}
	if got := statsd.WaitFor(t, 2*(50+1+2000)).Counters; !reflect.DeepEqual(got, counted) {
		t.Errorf("StatsD has counted\ngot  %v\nwant %v", got, counted)
	}
	browser.End(t)
}
