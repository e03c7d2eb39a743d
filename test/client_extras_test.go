package test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/test/harness"
)

// What a page of a shop has: something to see, something that moves it about,
// something to click on that is slow. Its head is filled in.
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
	chromium := startChromium(t)
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
			clientFile(t, "node_modules/web-vitals/package.json")
			statsd := startEtsyStatsD(t)
			proxy := startProxy(t, "--statsd-port="+statsd.port, "--tag-format=graphite")
			watch := startWatch(t, proxy)
			page := chromium.open(t, serveClient(t, fmt.Sprintf(extrasPage, fmt.Sprintf(test.head, watch.url))))
			page.runUntil(t, "the client", `return !!window.ready`)
			page.runUntil(t, "something to be painted", `return performance.getEntriesByType('paint').length > 0`)
			// Nothing that follows input at once counts as a shift.
			page.run(t, nil, `
				document.body.prepend(Object.assign(document.createElement('p'), { style: 'height: 200px' }));
				await new Promise((shifted) => new PerformanceObserver(shifted).observe({ type: 'layout-shift', buffered: true }))`)
			page.click(t, "Be slow")
			page.run(t, nil, `
				await new Promise((clicked) => new PerformanceObserver((list) => {
					if (list.getEntries().some((event) => event.interactionId && event.name === 'click')) { clicked(); }
				}).observe({ type: 'event', buffered: true }));
				// web-vitals looks at it in an idle moment.
				await new Promise((idle) => requestIdleCallback(idle, { timeout: 1000 }));
				setTimeout(() => { throw new TypeError('not caught') });
				setTimeout(() => { throw new (class Odd extends Error { name = 'Odd' + Math.random(); })('odd') });
				Promise.reject(new RangeError('not handled'))`)
			page.hide(t)

			vitals := strings.Fields("cls fcp inp lcp ttfb")
			harness.Eventually(t, "all Web Vitals in StatsD", func() bool {
				text, err := statsd.ask("timers")
				return err == nil && strings.Count(text, "web_vitals.") == len(vitals)
			})
			held := statsd.heldInTheEnd(t, proxy)
			watch.mustHaveNoPreflight(t)

			seen := map[string]float64{}
			for name, times := range held.Timers {
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
			// The test knows of these that they are more than nothing.
			for _, name := range strings.Fields("web_vitals.cls web_vitals.fcp web_vitals.inp web_vitals.lcp web_vitals.ttfb navigation.load") {
				if seen[name] <= 0 {
					t.Errorf("timer %s: got %g, want more than 0", name, seen[name])
				}
			}
			if seen["web_vitals.inp"] < 144 { // browsers round to 8 ms
				t.Errorf("timer web_vitals.inp: got %g, want 150 or more", seen["web_vitals.inp"])
			}
			counters := map[string]float64{
				"errors;kind=error;name=TypeError":      1,
				"errors;kind=error;name=other":          1,
				"errors;kind=rejection;name=RangeError": 1,
			}
			if diff := cmp.Diff(counters, held.Counters); diff != "" {
				t.Errorf("counters in StatsD (-want +got):\n%s", diff)
			}
		})
	}
}
