package test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The ways in which browser/origins.mjs sends a metric, each of them named in
// the metric.
var (
	// A browser sends these without asking, whatever the server thinks of it.
	unasked = strings.Fields("fetched opaque submitted beacon batch")
	asked   = "asked"
	// This one's origin is null.
	sandboxed = "sandboxed"
)

// TestPagesOfOtherOriginsSendNothing: the browser keeps answers from them, and
// it is the proxy that has to keep their metrics from StatsD.
func TestPagesOfOtherOriginsSendNothing(t *testing.T) {
	statsd := startReceiver(t)

	// Names below localhost lead to this machine, in browsers.
	page := startPage(t)
	port := page[strings.LastIndexByte(page, ':')+1:]
	at := func(host string) string { return "http://" + host + ":" + port }
	pages := map[string]string{
		"exact": page,
		"below": at("www.shop.localhost"),
		"above": at("shop.localhost"),
		"alike": at("www.badshop.localhost"),
		"port":  startPage(t),
	}
	allowed := []string{"exact", "below"}
	proxy := startProxyWith(t, []string{"CORS_ORIGINS=" + page + "," + at("*.shop.localhost")}, "", "--statsd-port="+statsd.port, "--verbose")

	var seen map[string]map[string]int
	browser := startBrowser(t, "origins.mjs", &seen, map[string]any{"pages": pages, "proxy": proxy.url})

	var lines []string // that have to arrive
	refused := 0       // requests
	for name := range pages {
		want := map[string]int{"fetched": 0, "asked": 0, "opaque": 0}
		if slices.Contains(allowed, name) {
			want = map[string]int{"fetched": 200, "asked": 200, "opaque": 0}
			for _, way := range append([]string{asked}, unasked...) {
				lines = append(lines, fmt.Sprintf("%s.%s:1|c", name, way))
			}
			refused++ // its sandbox
		} else {
			refused += len(unasked) + 2
		}
		if diff := cmp.Diff(want, seen[name]); diff != "" {
			t.Errorf("what the page %s saw (-want +got):\n%s", name, diff)
		}
	}
	// Each request has reached the proxy before it is held against StatsD.
	for _, line := range lines {
		statsd.waitFor(t, line)
	}
	proxy.waitForLog(t, "msg=refused status=403 ", refused)
	browser.end(t)
	proxy.Stop(t)
	got := statsd.all(t)
	slices.Sort(got)
	slices.Sort(lines)
	if diff := cmp.Diff(lines, got); diff != "" {
		t.Errorf("lines that StatsD received (-want +got):\n%s", diff)
	}

	// Of a page that is not allowed, each request was refused for its origin.
	log := proxy.Stderr.String()
	for name := range pages {
		ways := []string{sandboxed}
		if !slices.Contains(allowed, name) {
			ways = append(ways, "fetched", "opaque", "submitted", "beacon", asked)
		}
		for _, way := range ways {
			entry := regexp.MustCompile(fmt.Sprintf(`status=403 error="pages of the origin .*path=/count/%s\.%s `, name, way))
			if !entry.MatchString(log) {
				t.Errorf("the log has no entry that %s was refused from %s", way, name)
			}
		}
	}
}
