package browser

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/testutil"
)

// outage is how long the proxy is away.
const outage = 3 * time.Second

func TestClientLosesNothingWhileTheProxyIsAway(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	port := testutil.FreePort(t)
	start := func() *testutil.Proxy {
		t.Helper()
		return testutil.StartProxyCommand(t, testutil.ProxyCommand(t, "--http-port="+port, "--statsd-port="+statsd.Port))
	}
	proxy := start()
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, flushInterval: 50 }`, proxy.URL))
	// The page counts during the whole test.
	page.Run(t, nil, `window.counted = 0; window.counting = setInterval(() => { statsd.increment('clicks'); counted++; }, 5)`)
	counted := func(at int) {
		t.Helper()
		page.RunUntil(t, "the page to count", fmt.Sprintf(`return counted >= %d`, at))
	}
	counted(50)
	proxy.Stop(t)
	<-time.After(outage) // the page goes on counting
	page.RunUntil(t, "the client to notice", `return retried > 0`)
	proxy = start()
	page.Run(t, nil, `window.before = counted`)
	page.RunUntil(t, "the page to count while the proxy is back", `return counted >= before + 100`)
	var clicks float64
	page.Run(t, &clicks, `clearInterval(counting); await statsd.flush(); return counted`)
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	if got := statsd.FlushAfter(t, proxy).Counters["clicks"]; got != clicks {
		t.Errorf("clicks that StatsD counted: got %g, want %g", got, clicks)
	}
}

// getToken returns the client's option getToken as JavaScript: a function that returns
// the tokens in order. It keeps its arguments in the variable asked.
func getToken(tokens ...string) string {
	return fmt.Sprintf(`getToken: async (isRejected) => { (window.asked ??= []).push(!!isRejected); return %#q.split(' ')[asked.length - 1] ?? 'none'; }`,
		strings.Join(tokens, " "))
}

func TestClientGetsANewTokenOnce(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+testutil.LongSecret)
	recorder := startRecorder(t, proxy)
	expired := testutil.TokenUntil(t, testutil.LongSecret, time.Now().Add(-time.Hour))
	good := testutil.PrintToken(t, testutil.LongSecret)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, %s }`, recorder.url, getToken(expired, good)))
	page.Run(t, nil, fillQueue+`; await statsd.flush()`)
	statsd.WaitForCounter(t, "last")
	if got, want := recorder.statuses(), []int{403, 200}; !slices.Equal(got, want) {
		t.Errorf("responses: got %v, want %v", got, want)
	}
	// The client keeps the new token.
	page.Run(t, nil, `statsd.increment('later'); await statsd.flush()`)
	var asked []bool
	page.Run(t, &asked, `return asked`)
	if !slices.Equal(asked, []bool{false, true}) {
		t.Errorf("arguments of getToken: got %v, want false, then true", asked)
	}
	if got, want := recorder.statuses(), []int{403, 200, 200}; !slices.Equal(got, want) {
		t.Errorf("responses: got %v, want %v", got, want)
	}
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	recorder.mustHaveNoPreflight(t)
	if got := statsd.FlushAfter(t, proxy).Counters; got["clicks"] != 500 || got["later"] != 1 {
		t.Errorf("StatsD has counted %v, want 500 clicks and one later", got)
	}
}

func TestClientGivesUpAfterASecondRejectedToken(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--jwt-secret="+testutil.LongSecret)
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, %s }`, recorder.url, getToken("wrong", "wrong", testutil.PrintToken(t, testutil.LongSecret))))
	page.Run(t, nil, `statsd.increment('lost'); await statsd.flush()`)
	if got, want := recorder.statuses(), []int{403, 403}; !slices.Equal(got, want) {
		t.Errorf("responses: got %v, want %v", got, want)
	}
	mustHaveReported(t, page, "403")
	page.Run(t, nil, `reported.length = 0; statsd.increment('next'); await statsd.flush()`)
	mustHaveReported(t, page)
	statsd.MustHaveReceived(t, proxy, "next:1|c")
}

// mustObeyRetryAfter fails the test if a request came earlier than a response with the
// status allowed by its Retry-After, or if there was no such response.
func (r *recorder) mustObeyRetryAfter(t *testing.T, status int) {
	t.Helper()
	// A timer of a browser may fire a fraction of a millisecond early.
	const early = 20 * time.Millisecond
	calls := r.recorded()
	count := 0
	for i, c := range calls {
		if c.status != status {
			continue
		}
		seconds, err := strconv.Atoi(c.header.Get("Retry-After"))
		if err != nil {
			t.Errorf("the proxy answers %d with Retry-After %q, want seconds", status, c.header.Get("Retry-After"))
			continue
		}
		count++
		for _, later := range calls[i+1:] {
			if gap, want := later.began.Sub(c.ended), time.Duration(seconds)*time.Second; gap < want-early {
				t.Errorf("after %d and Retry-After %d the next request came in %s", status, seconds, gap)
			}
		}
	}
	if count == 0 {
		t.Errorf("responses: got %v, want one of %d", r.statuses(), status)
	}
}

// countNames returns code that counts n names once each. They begin with prefix. The
// client would add up counts of the same name.
func countNames(prefix string, n int) string {
	return fmt.Sprintf(`for (let i = 0; i < %d; i++) { statsd.increment('%s.' + i); }`, n, prefix)
}

// mustHaveCountedNames fails the test unless StatsD has exactly the counters of
// countNames for n names and each prefix, with the value 1.
func mustHaveCountedNames(t *testing.T, m testutil.EtsyMetrics, n int, prefixes ...string) {
	t.Helper()
	want := map[string]float64{}
	for _, prefix := range prefixes {
		for i := range n {
			want[fmt.Sprintf("%s.%d", prefix, i)] = 1
		}
	}
	if diff := cmp.Diff(want, m.Counters); diff != "" {
		t.Errorf("counters in StatsD (-want +got):\n%s", diff)
	}
}

func TestClientObeysARateLimit(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--rate-limit=50", "--rate-burst=100")
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q }`, recorder.url))
	page.Run(t, nil, countNames("one", 100)+`await statsd.flush();`+countNames("two", 100)+`await statsd.flush()`)
	recorder.mustObeyRetryAfter(t, http.StatusTooManyRequests)
	recorder.mustHaveNoPreflight(t)
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	metrics := statsd.FlushAfter(t, proxy)
	mustHaveCountedNames(t, metrics, 100, "one", "two")
}

// The batch is larger than --rate-burst.
func TestClientSplitsABatchThatIsTooLarge(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--rate-limit=50", "--rate-burst=40")
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q }`, recorder.url))
	page.Run(t, nil, countNames("one", 100)+`await statsd.flush()`)
	if !slices.Contains(recorder.statuses(), http.StatusRequestEntityTooLarge) {
		t.Errorf("responses: got %v, want one of 413", recorder.statuses())
	}
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	metrics := statsd.FlushAfter(t, proxy)
	mustHaveCountedNames(t, metrics, 100, "one")
}

func TestClientWaitsForAProxyWithAFullQueue(t *testing.T) {
	t.Parallel()
	port := testutil.FreePort(t) // no StatsD listens on it yet
	proxy := testutil.StartProxy(t, "--statsd-network=tcp", "--statsd-port="+port, "--statsd-buffer=65536")
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, prefix: '%s.', flushInterval: 50 }`, recorder.url, strings.Repeat("x", 100)))
	const lines = 1000
	page.Run(t, nil, countNames("one", lines))
	testutil.Eventually(t, "a full queue", func() bool {
		return slices.Contains(recorder.statuses(), http.StatusServiceUnavailable)
	})
	statsd := testutil.StartEtsyStatsDAt(t, port)
	page.Run(t, nil, `await statsd.flush()`)
	recorder.mustObeyRetryAfter(t, http.StatusServiceUnavailable)
	recorder.mustHaveNoPreflight(t)
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	statsd.WaitFor(t, lines)
	metrics := statsd.FlushAfter(t, proxy)
	mustHaveCountedNames(t, metrics, lines, strings.Repeat("x", 100)+".one")
}

// The client does not send rejected lines again. The other lines of the batch arrive.
func TestClientReportsRejectedLines(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	// The lines are valid, but this proxy does not allow all names.
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--allow-metrics=good.*")
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q }`, recorder.url))
	page.Run(t, nil, `statsd.increment('good.one'); statsd.increment('bad'); statsd.increment('good.two'); await statsd.flush()`)
	mustHaveReported(t, page, `bad`)
	if got, want := recorder.statuses(), []int{200}; !slices.Equal(got, want) {
		t.Errorf("responses: got %v, want %v", got, want)
	}
	page.Run(t, nil, `reported.length = 0; statsd.increment('bad'); await statsd.flush()`)
	mustHaveReported(t, page, `bad`)
	statsd.MustHaveReceived(t, proxy, "good.one:1|c", "good.two:1|c")
	page.MustHaveNoUncaughtErrors(t)
}

// A client on a page of another origin fails, but the page has no uncaught errors.
func TestClientWorksOnAllowedOrigins(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	chromium := testutil.StartChromium(t)
	origin := serveClient(t, clientPage)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--cors-origins="+origin)
	recorder := startRecorder(t, proxy)
	page := chromium.Open(t, origin)
	page.RunUntil(t, "the client", `return !!window.ready`)
	options := fmt.Sprintf(`{ url: %q }`, recorder.url)
	page.Run(t, nil, `start(`+options+`); statsd.increment('own'); await statsd.flush(); statsd.increment('beacon')`)
	page.Hide(t)
	statsd.WaitFor(t, "beacon:1|c")
	mustHaveReported(t, page)

	other := openClient(t, chromium, options)
	// The page cannot read the response, so the client does not know why it fails.
	other.Run(t, nil, `statsd.increment('foreign'); void statsd.flush()`)
	testutil.Eventually(t, "a response of 403", func() bool { return slices.Contains(recorder.statuses(), http.StatusForbidden) })
	mustHaveReported(t, other)
	other.MustHaveNoUncaughtErrors(t)
	recorder.mustHaveNoPreflight(t)
	statsd.MustHaveReceived(t, proxy, "own:1|c", "beacon:1|c")
}
