package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/test/harness"
)

// fillQueue is what a page does in the middle of which it goes. It calls the
// client last for the counter last.
const fillQueue = `for (let i = 0; i < 500; i++) { statsd.increment('clicks'); }
	statsd.gauge('cold', -5); statsd.timing('load', 320); statsd.timing('load', 12.5); statsd.increment('last')`

// mustHoldQueue waits for the end of fillQueue and fails the test unless StatsD
// holds all of it, once.
func mustHoldQueue(t *testing.T, statsd *etsyStatsD, proxy *proxy) {
	t.Helper()
	statsd.waitForCounter(t, "last")
	want := etsyMetrics{
		Counters:    map[string]float64{"clicks": 500, "last": 1},
		Gauges:      map[string]float64{"cold": -5},
		Timers:      map[string][]float64{"load": {12.5, 320}},
		TimerCounts: map[string]float64{"load": 2},
		Sets:        map[string][]string{},
	}
	if diff := cmp.Diff(want, statsd.heldInTheEnd(t, proxy)); diff != "" {
		t.Errorf("StatsD holds (-want +got):\n%s", diff)
	}
}

func TestClientOfAPageThatGoesLosesNothing(t *testing.T) {
	chromium := startChromium(t)
	for _, test := range []struct {
		name string
		goes func(page *tab, t *testing.T)
	}{
		{"hidden", (*tab).hide},
		{"closed", (*tab).close},
		{"left", func(page *tab, t *testing.T) { page.leave(t, serveClient(t, clientPage)) }},
		{"loaded again", func(page *tab, t *testing.T) { page.run(t, nil, `setTimeout(() => location.reload())`) }},
		{"hidden and closed", func(page *tab, t *testing.T) { page.hide(t); page.close(t) }},
		{"hidden, seen and closed", func(page *tab, t *testing.T) { page.hide(t); page.show(t); page.close(t) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := startEtsyStatsD(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port, "--jwt-secret=somesecret")
			watch := startWatch(t, proxy)
			page := chromium.openClient(t, fmt.Sprintf(`{ url: %q, token: %q, flushInterval: 3_600_000 }`, watch.url, newToken(t, "somesecret")))
			page.run(t, nil, fillQueue)
			if calls := watch.seen(); len(calls) > 0 {
				t.Fatalf("requests before the page goes: got %d, want none", len(calls))
			}
			test.goes(page, t)
			mustHoldQueue(t, statsd, proxy)
			watch.mustHaveNoPreflight(t)
		})
	}
}

// What is in flight goes on without its page, and is not sent again beside it.
func TestClientOfAPageThatGoesLosesNothingInFlight(t *testing.T) {
	chromium := startChromium(t)
	for _, test := range []struct {
		name string
		goes func(page *tab, t *testing.T)
	}{
		{"hidden", (*tab).hide},
		{"closed", (*tab).close},
		{"left", func(page *tab, t *testing.T) { page.leave(t, serveClient(t, clientPage)) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := startEtsyStatsD(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port)
			gate := startGate(t, proxy)
			page := chromium.openClient(t, fmt.Sprintf(`{ url: %q, flushInterval: 3_600_000 }`, gate.url))
			page.run(t, nil, `statsd.increment('flying', 3); void statsd.flush()`)
			gate.waitHeld(t)
			page.run(t, nil, `statsd.increment('flying', 4)`)
			page.run(t, nil, fillQueue)
			test.goes(page, t)
			gate.waitHeld(t) // the beacon
			gate.open(t)
			gate.open(t)
			statsd.waitForCounter(t, "last")
			statsd.waitForCounter(t, "flying")
			if got := statsd.heldInTheEnd(t, proxy).Counters; got["flying"] != 7 || got["clicks"] != 500 {
				t.Errorf("StatsD has counted %v, want 7 flying and 500 clicks", got)
			}
		})
	}
}

// A page that comes back goes on where it was: what it has sent as it went is
// not sent again.
func TestClientGoesOnInAPageThatComesBack(t *testing.T) {
	chromium := startChromium(t)
	for _, test := range []struct {
		name        string
		goes, comes func(page *tab, t *testing.T)
	}{
		{"hidden and seen", (*tab).hide, (*tab).show},
		{"left and gone back to", func(page *tab, t *testing.T) { page.leave(t, serveClient(t, clientPage)) }, (*tab).back},
	} {
		t.Run(test.name, func(t *testing.T) {
			statsd := startEtsyStatsD(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port)
			page := chromium.openClient(t, fmt.Sprintf(`{ url: %q, flushInterval: 3_600_000 }`, proxy.url))
			page.run(t, nil, fillQueue)
			test.goes(page, t)
			statsd.waitForCounter(t, "last")
			test.comes(page, t)
			page.runUntil(t, "the page as it was", `return !!window.statsd`)
			page.run(t, nil, `statsd.increment('again'); await statsd.flush()`)
			statsd.waitForCounter(t, "again")
			page.mustBeTold(t)
			page.mustBeQuiet(t)
			got := statsd.heldInTheEnd(t, proxy)
			if got.Counters["clicks"] != 500 || len(got.Timers["load"]) != 2 || got.Counters["again"] != 1 {
				t.Errorf("StatsD holds %v and %v, want 500 clicks, two loads and one again", got.Counters, got.Timers)
			}
		})
	}
}

// longLines has the client queue n counts of some 110 bytes each, all different.
func longLines(n int) string {
	return fmt.Sprintf(`for (let i = 0; i < %d; i++) { statsd.increment('line.' + i + '.' + 'x'.repeat(90)); }`, n)
}

// Browsers have 64 KiB of beacons and the like under way at once. What is beyond
// waits for the page to be seen again.
func TestClientOfAHiddenPageKeepsWhatABrowserDoesNotTake(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-network=tcp", "--statsd-port="+statsd.port) // of UDP, StatsD may lose some of so many at once
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, flushInterval: 100 }`, watch.url))
	const lines = 4000
	// The call after which the page is hidden leaves no time to send.
	page.run(t, nil, longLines(lines))
	page.hide(t)
	page.show(t)
	page.run(t, nil, `statsd.increment('last'); await statsd.flush()`)
	page.mustBeTold(t)
	// Each line has a counter of its own, so that none can be doubled.
	if got := len(statsd.waitFor(t, lines+1).Counters); got != lines+1 {
		t.Errorf("counters in StatsD: got %d, want %d", got, lines+1)
	}
	proxy.Stop(t)
	watch.mustHaveNoPreflight(t)
}

// A page that is closed has no time after. What a browser takes then is the most
// that can arrive.
func TestClientOfAClosedPageSendsWhatABrowserTakes(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, flushInterval: 3_600_000, maxBatch: 60_000 }`, proxy.url))
	const lines = 4000
	const least = (56 << 10) / 110 // some 110 bytes each, in all but what a last beacon has no room for
	page.run(t, nil, longLines(lines)+`; location = 'about:blank'`)
	harness.Eventually(t, "what the browser has taken", func() bool { return len(statsd.received()) >= least })
	proxy.Stop(t)
	mustHaveOnce(t, statsd, lines, least)
}

// mustHaveOnce fails the test unless at least least of the first n of longLines
// have arrived, none of them twice.
func mustHaveOnce(t *testing.T, statsd *receiver, n, least int) {
	t.Helper()
	times := map[string]int{}
	for _, line := range statsd.all(t) {
		if strings.HasPrefix(line, "line.") {
			times[line]++
		}
	}
	doubled := 0
	for _, n := range times {
		if n > 1 {
			doubled++
		}
	}
	t.Logf("lines that arrived: %d of %d", len(times), n)
	if len(times) < least || len(times) > n || doubled > 0 {
		t.Errorf("lines that arrived: got %d of %d, %d of them twice, want at least %d and none twice", len(times), n, doubled, least)
	}
}
