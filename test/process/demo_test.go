package process

import (
	"regexp"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestDemoPrintsEachLine(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--demo")
	proxy.MustSend(t, "/count/some.key", `{"value": 1, "tags": "env=prod"}`)
	proxy.MustSend(t, "/gauge/level", `{"value": -2}`)
	want := regexp.MustCompile(`^(\d\d:\d\d:\d\d\.\d{3} )some\.key,env=prod:1\|c
(\d\d:\d\d:\d\d\.\d{3} )level:0\|g
(\d\d:\d\d:\d\d\.\d{3} )level:-2\|g
$`)
	testutil.Eventually(t, "three lines on standard output", func() bool {
		return strings.Count(proxy.Stdout.String(), "\n") >= 3
	})
	proxy.Stop(t)
	if got := proxy.Stdout.String(); !want.MatchString(got) {
		t.Errorf("standard output: got %q, want a match of %s", got, want)
	}
}
