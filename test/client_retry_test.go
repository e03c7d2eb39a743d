package test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/test/harness"
)

// outage is how long the proxy stays away.
const outage = 3 * time.Second

func TestClientOutlastsAProxyThatIsAway(t *testing.T) {
	statsd := startEtsyStatsD(t)
	port := harness.FreePort(t)
	start := func() *proxy {
		t.Helper()
		return startProxyCommand(t, harness.ProxyCommand("--http-port="+port, "--statsd-port="+statsd.port))
	}
	proxy := start()
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, flushInterval: 50 }`, proxy.url))
	// The page counts all the time.
	page.run(t, nil, `window.counted = 0; window.counting = setInterval(() => { statsd.increment('clicks'); counted++; }, 5)`)
	counted := func(at int) {
		t.Helper()
		page.runUntil(t, "the page to count", fmt.Sprintf(`return counted >= %d`, at))
	}
	counted(50)
	proxy.Stop(t)
	<-time.After(outage) // in which the page goes on
	page.runUntil(t, "the client to notice", `return retried > 0`)
	proxy = start()
	page.run(t, nil, `window.before = counted`)
	page.runUntil(t, "the page to count while the proxy is back", `return counted >= before + 100`)
	var clicks float64
	page.run(t, &clicks, `clearInterval(counting); await statsd.flush(); return counted`)
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	if got := statsd.heldInTheEnd(t, proxy).Counters["clicks"]; got != clicks {
		t.Errorf("clicks that StatsD counted: got %g, want %g", got, clicks)
	}
}

// tokens makes a getToken that hands out these, in order, and counts how often
// it was asked.
func getToken(tokens ...string) string {
	return fmt.Sprintf(`getToken: async (refused) => { (window.asked ??= []).push(!!refused); return %#q.split(' ')[asked.length - 1] ?? 'none'; }`,
		strings.Join(tokens, " "))
}

// tokenUntil returns a token that ends at a time.
func tokenUntil(t *testing.T, secret string, end time.Time) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(end)}).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestClientRenewsATokenOnce(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--jwt-secret="+longSecret)
	watch := startWatch(t, proxy)
	expired := tokenUntil(t, longSecret, time.Now().Add(-time.Hour))
	good := printToken(t, longSecret)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, %s }`, watch.url, getToken(expired, good)))
	page.run(t, nil, fillQueue+`; await statsd.flush()`)
	statsd.waitForCounter(t, "last")
	if got, want := watch.statuses(), []int{403, 200}; !slices.Equal(got, want) {
		t.Errorf("answers: got %v, want %v", got, want)
	}
	// The new token is kept.
	page.run(t, nil, `statsd.increment('later'); await statsd.flush()`)
	var asked []bool
	page.run(t, &asked, `return asked`)
	if !slices.Equal(asked, []bool{false, true}) {
		t.Errorf("calls of getToken, by whether a token was refused: got %v, want one of each", asked)
	}
	if got, want := watch.statuses(), []int{403, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("answers: got %v, want %v", got, want)
	}
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	watch.mustHaveNoPreflight(t)
	if got := statsd.heldInTheEnd(t, proxy).Counters; got["clicks"] != 500 || got["later"] != 1 {
		t.Errorf("StatsD holds %v, want 500 clicks and one later", got)
	}
}

func TestClientGivesUpAfterASecondRefusal(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--jwt-secret="+longSecret)
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, %s }`, watch.url, getToken("wrong", "wrong", printToken(t, longSecret))))
	page.run(t, nil, `statsd.increment('lost'); await statsd.flush()`)
	if got, want := watch.statuses(), []int{403, 403}; !slices.Equal(got, want) {
		t.Errorf("answers: got %v, want %v", got, want)
	}
	page.mustBeTold(t, "403")
	page.run(t, nil, `told.length = 0; statsd.increment('next'); await statsd.flush()`)
	page.mustBeTold(t)
	statsd.mustHaveReceived(t, proxy, "next:1|c")
}

// mustKeepToRetryAfter fails the test if a request came before the time was
// over that an answer with status had named, and if there was no such answer.
func (w *watch) mustKeepToRetryAfter(t *testing.T, status int) {
	t.Helper()
	// A timer of a browser may be early by a part of a millisecond.
	const early = 20 * time.Millisecond
	calls := w.seen()
	named := 0
	for i, c := range calls {
		if c.status != status {
			continue
		}
		seconds, err := strconv.Atoi(c.answer.Get("Retry-After"))
		if err != nil {
			t.Errorf("the proxy answers %d with Retry-After %q, want seconds", status, c.answer.Get("Retry-After"))
			continue
		}
		named++
		for _, later := range calls[i+1:] {
			if gap, want := later.began.Sub(c.ended), time.Duration(seconds)*time.Second; gap < want-early {
				t.Errorf("after %d and Retry-After %d the next request came in %s", status, seconds, gap)
			}
		}
	}
	if named == 0 {
		t.Errorf("answers: got %v, want one of %d", w.statuses(), status)
	}
}

// fillNames has the client count n names once each, of a kind. Counts of one name
// would go as one.
func fillNames(kind string, n int) string {
	return fmt.Sprintf(`for (let i = 0; i < %d; i++) { statsd.increment('%s.' + i); }`, n, kind)
}

// mustHoldNames fails the test unless StatsD holds n counters of fillNames and of
// each kind, all of them at 1.
func (m *etsyMetrics) mustHoldNames(t *testing.T, n int, kinds ...string) {
	t.Helper()
	want := map[string]float64{}
	for _, kind := range kinds {
		for i := range n {
			want[fmt.Sprintf("%s.%d", kind, i)] = 1
		}
	}
	if diff := cmp.Diff(want, m.Counters); diff != "" {
		t.Errorf("counters in StatsD (-want +got):\n%s", diff)
	}
}

func TestClientKeepsToARateLimit(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--rate-limit=50", "--rate-burst=100")
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q }`, watch.url))
	page.run(t, nil, fillNames("one", 100)+`await statsd.flush();`+fillNames("two", 100)+`await statsd.flush()`)
	watch.mustKeepToRetryAfter(t, http.StatusTooManyRequests)
	watch.mustHaveNoPreflight(t)
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	held := statsd.heldInTheEnd(t, proxy)
	held.mustHoldNames(t, 100, "one", "two")
}

// A batch that is larger than a client may send at once is cut.
func TestClientCutsABatchThatIsTooLarge(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--rate-limit=50", "--rate-burst=40")
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q }`, watch.url))
	page.run(t, nil, fillNames("one", 100)+`await statsd.flush()`)
	if !slices.Contains(watch.statuses(), http.StatusRequestEntityTooLarge) {
		t.Errorf("answers: got %v, want one of 413", watch.statuses())
	}
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	held := statsd.heldInTheEnd(t, proxy)
	held.mustHoldNames(t, 100, "one")
}

func TestClientWaitsForAProxyWhoseQueueIsFull(t *testing.T) {
	port := harness.FreePort(t) // where StatsD is away
	proxy := startProxy(t, "--statsd-network=tcp", "--statsd-port="+port, "--statsd-buffer=65536")
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, prefix: '%s.', flushInterval: 50 }`, watch.url, strings.Repeat("x", 100)))
	const lines = 1000
	page.run(t, nil, fillNames("one", lines))
	harness.Eventually(t, "a full queue", func() bool {
		return slices.Contains(watch.statuses(), http.StatusServiceUnavailable)
	})
	statsd := startEtsyStatsDAt(t, port)
	page.run(t, nil, `await statsd.flush()`)
	watch.mustKeepToRetryAfter(t, http.StatusServiceUnavailable)
	watch.mustHaveNoPreflight(t)
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	statsd.waitFor(t, lines)
	held := statsd.heldInTheEnd(t, proxy)
	held.mustHoldNames(t, lines, strings.Repeat("x", 100)+".one")
}

// Lines that are refused are not sent again, and those beside them arrive.
func TestClientIsToldOfRefusedLines(t *testing.T) {
	statsd := startReceiver(t)
	// The proxy's options may refuse what is right by the rules.
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--allow-metrics=good.*")
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q }`, watch.url))
	page.run(t, nil, `statsd.increment('good.one'); statsd.increment('bad'); statsd.increment('good.two'); await statsd.flush()`)
	page.mustBeTold(t, `bad`)
	if got, want := watch.statuses(), []int{200}; !slices.Equal(got, want) {
		t.Errorf("answers: got %v, want %v", got, want)
	}
	page.run(t, nil, `told.length = 0; statsd.increment('bad'); await statsd.flush()`)
	page.mustBeTold(t, `bad`)
	statsd.mustHaveReceived(t, proxy, "good.one:1|c", "good.two:1|c")
	page.mustBeQuiet(t)
}

// On a proxy that lets only some pages in, the client of such a page works and
// another's is refused without harm to its page.
func TestClientWorksFromAllowedOrigins(t *testing.T) {
	statsd := startReceiver(t)
	chromium := startChromium(t)
	origin := serveClient(t, clientPage)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--cors-origins="+origin)
	watch := startWatch(t, proxy)
	page := chromium.open(t, origin)
	page.runUntil(t, "the client", `return !!window.ready`)
	options := fmt.Sprintf(`{ url: %q }`, watch.url)
	page.run(t, nil, `start(`+options+`); statsd.increment('own'); await statsd.flush(); statsd.increment('beacon')`)
	page.hide(t)
	statsd.waitFor(t, "beacon:1|c")
	page.mustBeTold(t)

	other := chromium.openClient(t, options)
	// It may not even read the answer, so that it cannot know why it fails.
	other.run(t, nil, `statsd.increment('foreign'); void statsd.flush()`)
	harness.Eventually(t, "a refusal", func() bool { return slices.Contains(watch.statuses(), http.StatusForbidden) })
	other.mustBeTold(t)
	other.mustBeQuiet(t)
	watch.mustHaveNoPreflight(t)
	statsd.mustHaveReceived(t, proxy, "own:1|c", "beacon:1|c")
}
