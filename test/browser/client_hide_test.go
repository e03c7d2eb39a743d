package browser

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/testutil"
)

// fillQueue is code that calls the client. Its last call is for the counter last.
const fillQueue = `for (let i = 0; i < 500; i++) { statsd.increment('clicks'); }
	statsd.gauge('cold', -5); statsd.timing('load', 320); statsd.timing('load', 12.5); statsd.increment('last')`

// mustHaveQueue waits for the last metric of fillQueue. It fails the test unless StatsD
// has received all metrics of fillQueue, once.
func mustHaveQueue(t *testing.T, statsd *testutil.EtsyStatsD, proxy *testutil.Proxy) {
	t.Helper()
	statsd.WaitForCounter(t, "last")
	want := testutil.EtsyMetrics{
		Counters:    map[string]float64{"clicks": 500, "last": 1},
		Gauges:      map[string]float64{"cold": -5},
		Timers:      map[string][]float64{"load": {12.5, 320}},
		TimerCounts: map[string]float64{"load": 2},
		Sets:        map[string][]string{},
	}
	if diff := cmp.Diff(want, statsd.FlushAfter(t, proxy)); diff != "" {
		t.Errorf("metrics in StatsD (-want +got):\n%s", diff)
	}
}

func TestLinesSurviveHidingAndClosingThePage(t *testing.T) {
	t.Parallel()
	chromium := testutil.StartChromium(t)
	for _, test := range []struct {
		name string
		hide func(page *testutil.Tab, t testing.TB)
	}{
		{"hidden", (*testutil.Tab).Hide},
		{"closed", (*testutil.Tab).Close},
		{"another page loaded", func(page *testutil.Tab, t testing.TB) { page.Goto(t, serveClient(t, clientPage)) }},
		{"reloaded", func(page *testutil.Tab, t testing.TB) { page.Run(t, nil, `setTimeout(() => location.reload())`) }},
		{"hidden and closed", func(page *testutil.Tab, t testing.TB) { page.Hide(t); page.Close(t) }},
		{"hidden, shown and closed", func(page *testutil.Tab, t testing.TB) { page.Hide(t); page.Show(t); page.Close(t) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := testutil.StartEtsyStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret=somesecret")
			recorder := startRecorder(t, proxy)
			page := openClient(t, chromium, fmt.Sprintf(`{ url: %q, token: %q, flushInterval: 3_600_000 }`, recorder.url, testutil.NewToken(t, "somesecret")))
			page.Run(t, nil, fillQueue)
			if calls := recorder.recorded(); len(calls) > 0 {
				t.Fatalf("requests before the page is hidden or closed: got %d, want none", len(calls))
			}
			test.hide(page, t)
			mustHaveQueue(t, statsd, proxy)
			recorder.mustHaveNoPreflight(t)
		})
	}
}

// A request in flight goes on after the page is closed. The client does not send its
// lines again in a beacon.
func TestRequestInFlightSurvivesHidingAndClosingThePage(t *testing.T) {
	t.Parallel()
	chromium := testutil.StartChromium(t)
	for _, test := range []struct {
		name string
		hide func(page *testutil.Tab, t testing.TB)
	}{
		{"hidden", (*testutil.Tab).Hide},
		{"closed", (*testutil.Tab).Close},
		{"another page loaded", func(page *testutil.Tab, t testing.TB) { page.Goto(t, serveClient(t, clientPage)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := testutil.StartEtsyStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
			recorder := startHoldingRecorder(t, proxy)
			page := openClient(t, chromium, fmt.Sprintf(`{ url: %q, flushInterval: 3_600_000 }`, recorder.url))
			page.Run(t, nil, `statsd.increment('early', 3); void statsd.flush()`)
			recorder.waitHeld(t)
			page.Run(t, nil, `statsd.increment('early', 4)`)
			page.Run(t, nil, fillQueue)
			test.hide(page, t)
			recorder.waitHeld(t) // the beacon
			recorder.release(t)
			recorder.release(t)
			statsd.WaitForCounter(t, "last")
			statsd.WaitForCounter(t, "early")
			if got := statsd.FlushAfter(t, proxy).Counters; got["early"] != 7 || got["clicks"] != 500 {
				t.Errorf("StatsD has counted %v, want 7 early and 500 clicks", got)
			}
		})
	}
}

// The client does not send lines again that it sent when the page was hidden.
func TestClientContinuesWhenThePageIsShownAgain(t *testing.T) {
	t.Parallel()
	chromium := testutil.StartChromium(t)
	for _, test := range []struct {
		name       string
		hide, show func(page *testutil.Tab, t testing.TB)
	}{
		{"hidden and shown", (*testutil.Tab).Hide, (*testutil.Tab).Show},
		{"another page loaded, then back", func(page *testutil.Tab, t testing.TB) { page.Goto(t, serveClient(t, clientPage)) }, (*testutil.Tab).Back},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := testutil.StartEtsyStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
			page := openClient(t, chromium, fmt.Sprintf(`{ url: %q, flushInterval: 3_600_000 }`, proxy.URL))
			page.Run(t, nil, fillQueue)
			test.hide(page, t)
			statsd.WaitForCounter(t, "last")
			test.show(page, t)
			page.RunUntil(t, "the page as it was", `return !!window.statsd`)
			page.Run(t, nil, `statsd.increment('again'); await statsd.flush()`)
			statsd.WaitForCounter(t, "again")
			mustHaveReported(t, page)
			page.MustHaveNoUncaughtErrors(t)
			got := statsd.FlushAfter(t, proxy)
			if got.Counters["clicks"] != 500 || len(got.Timers["load"]) != 2 || got.Counters["again"] != 1 {
				t.Errorf("StatsD has %v and %v, want 500 clicks, 2 timings of load and 1 again", got.Counters, got.Timers)
			}
		})
	}
}

// longLines returns code that counts n names. Each line has about 110 bytes.
func longLines(n int) string {
	return fmt.Sprintf(`for (let i = 0; i < %d; i++) { statsd.increment('line.' + i + '.' + 'x'.repeat(90)); }`, n)
}

// Browsers allow 64 KiB of beacons in flight. The client keeps the rest until the page
// is shown again.
func TestHiddenPageKeepsLinesThatTheBrowserDoesNotAccept(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-network=tcp", "--statsd-port="+statsd.Port) // over UDP, StatsD may lose lines
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, flushInterval: 100 }`, recorder.url))
	const lines = 4000
	// The page is hidden before the client has time to send.
	page.Run(t, nil, longLines(lines))
	page.Hide(t)
	page.Show(t)
	page.Run(t, nil, `statsd.increment('last'); await statsd.flush()`)
	mustHaveReported(t, page)
	// Each line has its own counter, so the number of counters shows lost lines, and the
	// number of lines shows duplicates.
	if got := len(statsd.WaitFor(t, lines+1).Counters); got != lines+1 {
		t.Errorf("counters in StatsD: got %d, want %d", got, lines+1)
	}
	proxy.Stop(t)
	recorder.mustHaveNoPreflight(t)
}

// A closed page cannot send later, so no more can arrive than the browser accepts in
// beacons.
func TestClosedPageSendsAsMuchAsTheBrowserAccepts(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, flushInterval: 3_600_000, maxBatch: 60_000 }`, proxy.URL))
	const lines = 4000
	const least = (56 << 10) / 110 // lines of about 110 bytes, in 64 KiB less the free space of a last beacon
	page.Run(t, nil, longLines(lines)+`; location = 'about:blank'`)
	statsd.WaitForCount(t, least)
	proxy.Stop(t)
	mustHaveOnce(t, statsd, lines, least)
}

// mustHaveOnce fails the test unless at least least of the n lines of longLines have
// arrived, and none twice.
func mustHaveOnce(t *testing.T, statsd *testutil.FakeStatsD, n, least int) {
	t.Helper()
	times := map[string]int{}
	for _, line := range statsd.All(t) {
		if strings.HasPrefix(line, "line.") {
			times[line]++
		}
	}
	duplicates := 0
	for _, n := range times {
		if n > 1 {
			duplicates++
		}
	}
	t.Logf("lines that arrived: %d of %d", len(times), n)
	if len(times) < least || len(times) > n || duplicates > 0 {
		t.Errorf("lines that arrived: got %d of %d, %d of them twice, want at least %d and none twice", len(times), n, duplicates, least)
	}
}
