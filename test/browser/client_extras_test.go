package browser

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/testutil"
)

// extrasPage is a page with a heading and a button whose handler is slow. The test
// fills in its head and makes its layout shift.
const extrasPage = `<!doctype html>
<meta charset="utf-8">
<title>A page that is measured</title>
%s
<h1>A page that is measured</h1>
<button>Be slow</button>
<script>
document.querySelector('button').onclick = ({ target }) => {
  for (const start = performance.now(); performance.now() - start < 150;);
  target.textContent = 'Slow';
};
</script>
`

func TestClientExtrasMeasureAPage(t *testing.T) {
	t.Parallel()
	chromium := testutil.StartChromium(t)
	for _, test := range []struct{ name, head string }{
		{"modules", `
<script type="importmap">{ "imports": {
  "statsd-http-proxy-client": "/client/dist/index.js",
  "statsd-http-proxy-client/browser": "/client/dist/browser.js",
  "statsd-http-proxy-client/web-vitals": "/client/dist/web-vitals.js",
  "web-vitals": "/client/node_modules/web-vitals/dist/web-vitals.js"
} }</script>
<script type="module">
import { StatsD } from 'statsd-http-proxy-client';
import { errors, navigationTiming } from 'statsd-http-proxy-client/browser';
import { webVitals } from 'statsd-http-proxy-client/web-vitals';
const statsd = new StatsD({ url: %q });
webVitals(statsd); navigationTiming(statsd); errors(statsd);
window.ready = true;
</script>`},
		{"classic scripts", `
<script src="/client/node_modules/web-vitals/dist/web-vitals.iife.js"></script>
<script src="/client/dist/statsd.global.js"></script>
<script src="/client/dist/statsd-extras.global.js"></script>
<script>
var statsd = new StatsD({ url: %q });
StatsDExtras.webVitals(statsd); StatsDExtras.navigationTiming(statsd); StatsDExtras.errors(statsd);
window.ready = true;
</script>`},
	} {
		t.Run(test.name, func(t *testing.T) {
			testutil.NeedFile(t, "client/node_modules/web-vitals/package.json")
			statsd := testutil.StartEtsyStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--tag-format=graphite")
			recorder := startRecorder(t, proxy)
			page := chromium.Open(t, serveClient(t, fmt.Sprintf(extrasPage, fmt.Sprintf(test.head, recorder.url))))
			page.RunUntil(t, "the client", `return !!window.ready`)
			page.RunUntil(t, "a first paint", `return performance.getEntriesByType('paint').length > 0`)
			// This has to come before the click: a shift right after input does not count.
			page.Run(t, nil, `
				document.body.prepend(Object.assign(document.createElement('p'), { style: 'height: 200px' }));
				await new Promise((shifted) => new PerformanceObserver(shifted).observe({ type: 'layout-shift', buffered: true }))`)
			page.Click(t, "Be slow")
			page.Run(t, nil, `
				await new Promise((clicked) => new PerformanceObserver((list) => {
					if (list.getEntries().some((event) => event.interactionId && event.name === 'click')) { clicked(); }
				}).observe({ type: 'event', buffered: true }));
				// web-vitals handles the event when the page is idle.
				await new Promise((idle) => requestIdleCallback(idle, { timeout: 1000 }));
				setTimeout(() => { throw new TypeError('not caught') });
				setTimeout(() => { throw new (class Odd extends Error { name = 'Odd' + Math.random(); })('odd') });
				Promise.reject(new RangeError('not handled'))`)
			page.Hide(t)

			vitals := strings.Fields("cls fcp inp lcp ttfb")
			statsd.WaitForTimers(t, "web_vitals.", len(vitals))
			metrics := statsd.FlushAfter(t, proxy)
			recorder.mustHaveNoPreflight(t)

			seen := map[string]float64{}
			for name, times := range metrics.Timers {
				name, tag, _ := strings.Cut(name, ";")
				isVital := strings.HasPrefix(name, "web_vitals.")
				if ok := isVital && slices.Contains([]string{"rating=good", "rating=needs-improvement", "rating=poor"}, tag) || tag == "type=navigate"; !ok || len(times) != 1 {
					t.Errorf("timer %s with %s: got %v, want one time, tagged with its rating or the type of navigation", name, tag, times)
					continue
				}
				seen[name] = times[0]
			}
			var want []string
			for _, name := range vitals {
				want = append(want, "web_vitals."+name)
			}
			for _, name := range strings.Fields("connect dns dom_content_loaded dom_interactive load request response tls") {
				want = append(want, "navigation."+name)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(seen))); diff != "" {
				t.Errorf("timers in StatsD (-want +got):\n%s", diff)
			}
			// The test page makes these times greater than 0.
			for _, name := range strings.Fields("web_vitals.cls web_vitals.fcp web_vitals.inp web_vitals.lcp web_vitals.ttfb navigation.load") {
				if seen[name] <= 0 {
					t.Errorf("timer %s: got %g, want more than 0", name, seen[name])
				}
			}
			if seen["web_vitals.inp"] < 144 { // browsers round it to 8 ms
				t.Errorf("timer web_vitals.inp: got %g, want 150 or more", seen["web_vitals.inp"])
			}
			counters := map[string]float64{
				"errors;kind=error;name=TypeError":      1,
				"errors;kind=error;name=other":          1,
				"errors;kind=rejection;name=RangeError": 1,
			}
			if diff := cmp.Diff(counters, metrics.Counters); diff != "" {
				t.Errorf("counters in StatsD (-want +got):\n%s", diff)
			}
		})
	}
}
