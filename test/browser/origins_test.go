package browser

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"

	"github.com/google/go-cmp/cmp"
)

// The ways in which scripts/origins.mjs sends a metric. The name of the metric contains
// the way.
var (
	// A browser sends these requests without a preflight.
	simpleWays = strings.Fields("fetched opaque submitted beacon batch")
	// For this request it sends a preflight.
	preflighted = "preflighted"
	// The origin of this request is null.
	sandboxed = "sandboxed"
)

// The browser hides responses from pages of other origins. The proxy has to reject
// their metrics.
func TestPagesOfOtherOriginsSendNothing(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)

	// Browsers resolve subdomains of localhost to this machine.
	page := servePlainPage(t)
	port := page[strings.LastIndexByte(page, ':')+1:]
	at := func(host string) string { return "http://" + host + ":" + port }
	pages := map[string]string{
		"exact":     page,
		"subdomain": at("www.shop.localhost"),
		"parent":    at("shop.localhost"),
		"similar":   at("www.badshop.localhost"),
		"port":      servePlainPage(t),
	}
	allowed := []string{"exact", "subdomain"}
	proxy := testutil.StartProxyWith(t, []string{"CORS_ORIGINS=" + page + "," + at("*.shop.localhost")}, "", "--statsd-port="+statsd.Port, "--verbose")

	var seen map[string]map[string]int
	browser := testutil.StartBrowserScript(t, "origins.mjs", &seen, map[string]any{"pages": pages, "proxy": proxy.URL})

	var lines []string // that have to arrive
	rejected := 0      // requests
	for name := range pages {
		want := map[string]int{"fetched": 0, "preflighted": 0, "opaque": 0}
		if slices.Contains(allowed, name) {
			want = map[string]int{"fetched": 200, "preflighted": 200, "opaque": 0}
			for _, way := range append([]string{preflighted}, simpleWays...) {
				lines = append(lines, fmt.Sprintf("%s.%s:1|c", name, way))
			}
			rejected++ // the one of its sandbox
		} else {
			rejected += len(simpleWays) + 2
		}
		if diff := cmp.Diff(want, seen[name]); diff != "" {
			t.Errorf("statuses that the page %s saw (-want +got):\n%s", name, diff)
		}
	}
	// Wait until each request has reached the proxy.
	for _, line := range lines {
		statsd.WaitFor(t, line)
	}
	proxy.WaitForLog(t, `msg="request rejected" status=403 `, rejected)
	browser.End(t)
	proxy.Stop(t)
	got := statsd.All(t)
	slices.Sort(got)
	slices.Sort(lines)
	if diff := cmp.Diff(lines, got); diff != "" {
		t.Errorf("lines that StatsD received (-want +got):\n%s", diff)
	}

	// The proxy has rejected each request of the other pages for its origin.
	log := proxy.Stderr.String()
	for name := range pages {
		ways := []string{sandboxed}
		if !slices.Contains(allowed, name) {
			ways = append(ways, "fetched", "opaque", "submitted", "beacon", preflighted)
		}
		for _, way := range ways {
			entry := regexp.MustCompile(fmt.Sprintf(`status=403 error="pages of the origin .*path=/count/%s\.%s `, name, way))
			if !entry.MatchString(log) {
				t.Errorf("the log has no entry for the rejected %s of %s", way, name)
			}
		}
	}
}
