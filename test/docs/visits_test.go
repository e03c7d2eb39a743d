package docs

import (
	"fmt"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// pageView is what the client sends of a page view, with Web Vitals and navigation, and
// with the prefix web.
var pageView = func() string {
	var lines strings.Builder
	for _, name := range strings.Fields("lcp inp fcp ttfb cls") {
		fmt.Fprintf(&lines, "web.web_vitals.%s,rating=good:123.4|ms\n", name)
	}
	for _, name := range strings.Fields("dns connect tls request response dom_interactive dom_content_loaded load") {
		fmt.Fprintf(&lines, "web.navigation.%s,type=navigate:123.4|ms\n", name)
	}
	return lines.String()
}()

// Each command with a rate limit has to let an office of 60 views a minute through, even
// if all come at once and from one address.
func TestCommandsWithALimitLetAnOfficeThrough(t *testing.T) {
	t.Parallel()
	const views = 60
	lines := strings.Count(pageView, "\n")
	count := 0
	for _, c := range calls(t) {
		if c.option("--rate-limit") == "" {
			continue
		}
		count++
		proxy := testutil.StartProxyCommand(t, c.localCommand(t, testutil.StartSink(t)))
		token := testutil.NewToken(t, c.secret())
		for range views {
			proxy.MustSendBatch(t, pageView, lines, "X-JWT-Token", token)
		}
		proxy.Stop(t)
		perSecond := 0
		if _, err := fmt.Sscan(c.option("--rate-limit"), &perSecond); err != nil || perSecond*60 < views*lines {
			t.Errorf("%s:%d: %s lines a second are too few for %d lines a minute", c.page, c.line, c.option("--rate-limit"), views*lines)
		}
	}
	if count < 2 {
		t.Errorf("the manual has %d commands with a rate limit, want 2", count)
	}
	if views*lines != 780 || !strings.Contains(testutil.ReadFile(t, "docs/public-internet.md"), "sends 780 lines a minute, 13 a second") {
		t.Errorf("the manual does not say how many lines %d views are: %d", views, views*lines)
	}
}
