package http

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// sendAtRate sends a metric. It also returns the time of Retry-After, or 0 if the
// response has none.
func sendAtRate(t testing.TB, p *testutil.Proxy, path, body string, header ...string) (status int, answer string, wait time.Duration) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := p.Client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if retry := response.Header.Get("Retry-After"); retry != "" {
		seconds, err := strconv.Atoi(retry)
		if err != nil || seconds < 1 {
			t.Fatalf("POST %s: got Retry-After %q, want whole seconds", path, retry)
		}
		wait = time.Duration(seconds) * time.Second
	}
	return response.StatusCode, string(text), wait
}

// mustLimit sends a metric and returns the time of Retry-After. It fails the test
// unless the proxy answers 429 with Retry-After and a text that contains word.
func mustLimit(t testing.TB, p *testutil.Proxy, path, body, word string, header ...string) time.Duration {
	t.Helper()
	status, answer, wait := sendAtRate(t, p, path, body, header...)
	if status != http.StatusTooManyRequests || wait == 0 || !strings.Contains(answer, word) {
		t.Errorf("POST %s with %.60q: got %d %s with Retry-After %s, want 429 with %q and a time", path, body, status, answer, wait, word)
	}
	return wait
}

func TestTokenGrantsNamesTypesAndAPrefix(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxyWith(t, []string{"JWT_SECRET=" + testutil.LongSecret}, "metric-prefix all\n", "--statsd-port="+statsd.Port)
	names := testutil.PrintToken(t, testutil.LongSecret, "--metrics=web.*,app.checkout")
	types := testutil.PrintToken(t, testutil.LongSecret, "--types=count,timing")
	prefix := testutil.PrintToken(t, testutil.LongSecret, "--prefix=shop", "--metrics=web.*", "--types=gauge")

	const value = "value=1"
	for range 2 { // the second time the proxy finds the tokens in its cache
		proxy.MustSend(t, "/count/web.load", value, "X-JWT-Token", names)
		proxy.MustSend(t, "/gauge/app.checkout", value, "Authorization", "Bearer "+names)
		proxy.MustReject(t, "/count/web", value, 403, `name \"web\"`, "X-JWT-Token", names)
		proxy.MustReject(t, "/count/app.checkout.total", value, 403, `name \"app.checkout.total\"`, "X-JWT-Token", names)
		proxy.MustReject(t, "/count/all.web.load", value, 403, `name \"all.web.load\"`, "X-JWT-Token", names)
		proxy.MustReject(t, "/count", `{"metric": "other", "value": 1}`, 403, `name \"other\"`, "X-JWT-Token", names)
		proxy.MustReject(t, "/gauge/web.load", value, 403, "type gauge", "X-JWT-Token", types)
		proxy.MustSend(t, "/timing/any", value, "X-JWT-Token", types)
		proxy.MustSend(t, "/gauge/web.level", value, "X-JWT-Token", prefix)
		proxy.MustReject(t, "/gauge/shop.web.level", value, 403, "shop.web.level", "X-JWT-Token", prefix)
		proxy.MustReject(t, "/count/web.level", value, 403, "type count", "X-JWT-Token", prefix)

		// The proxy checks each entry of a batch by itself.
		status, answer := proxy.Send(t, "/batch", "web.a:1|c\nother.b:1|c\napp.checkout:2|g", "X-JWT-Token", names)
		if status != 200 || !strings.HasPrefix(answer, `{"accepted":2,"rejected":[{"index":1,`) || !strings.Contains(answer, "other.b") {
			t.Errorf("batch: got %d %s, want 200 and entry 1 rejected", status, answer)
		}
		proxy.MustReject(t, "/batch", "web.a:1|ms\nweb.b:1|c", 400, `{"accepted":0,"rejected":[{"index":0,`, "X-JWT-Token", prefix)
	}
	want := []string{
		"all.web.load:1|c", "all.app.checkout:1|g", "all.any:1|ms", "all.shop.web.level:1|g", "all.web.a:1|c", "all.app.checkout:2|g",
	}
	statsd.MustHaveReceived(t, proxy, append(want, want...)...)
}

func TestProxyForwardsOnlyAllowedMetrics(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxyWith(t, []string{"ALLOW_METRICS=web.*,app.checkout.*"}, "metric-prefix all", "--statsd-port="+statsd.Port)
	proxy.MustSend(t, "/count/web.load", "value=1")
	proxy.MustSend(t, "/count/web%2Eencoded", "value=1")
	for _, name := range []string{"other", "web", "all.web.load", "Web.load", "app.checkout", "other/web.load", "%77eb"} {
		proxy.MustReject(t, "/count/"+name, "value=1", 403, "is not allowed here")
	}
	proxy.MustReject(t, "/batch", "app.checkout.total:1|c\nother:1|c", 200, `{"accepted":1,"rejected":[{"index":1,"error":"the name \"other\" is not allowed here"}]}`)
	statsd.MustHaveReceived(t, proxy, "all.web.load:1|c", "all.web.encoded:1|c", "all.app.checkout.total:1|c")
}

func TestProxyRejectsNewSeriesBeyondMaxSeries(t *testing.T) {
	t.Parallel()
	const most = 10
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxyWith(t, nil, fmt.Sprintf("max-series = %d\ntag-format dogstatsd\n", most), "--statsd-port="+statsd.Port)
	var want []string
	send := func(round int) {
		t.Helper()
		for i := range most / 2 {
			proxy.MustSend(t, fmt.Sprintf("/count/name%d", i), fmt.Sprintf("value=%d", round))
			proxy.MustSend(t, "/count/name", fmt.Sprintf("value=%d&tags=env%%3D%d", round, i))
			want = append(want, fmt.Sprintf("name%d:%d|c", i, round), fmt.Sprintf("name:%d|c|#env:%d", round, i))
		}
	}
	send(1)
	for i := range 100 {
		if wait := mustLimit(t, proxy, fmt.Sprintf("/count/more%d", i), "value=1", "too many series"); wait > time.Minute {
			t.Fatalf("a new name: got Retry-After %s, want a minute at most", wait)
		}
	}
	mustLimit(t, proxy, "/count/name0", "value=1&tags=env%3D5", "too many series")
	status, answer := proxy.Send(t, "/batch", "name0:7|c\nmore:7|c\nname,env=0:7|c")
	if status != 200 || !strings.HasPrefix(answer, `{"accepted":2,"rejected":[{"index":1,`) {
		t.Errorf("batch: got %d %s, want 200 and entry 1 rejected", status, answer)
	}
	want = append(want, "name0:7|c", "name:7|c|#env:0")
	send(2)
	statsd.MustHaveReceived(t, proxy, want...)
}

// tinyRate is a rate that refills nothing while a test runs.
const tinyRate = "0.001"

func TestEachClientHasItsOwnRate(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxyWith(t, []string{"JWT_SECRET=" + testutil.LongSecret, "RATE_LIMIT=" + tinyRate}, "rate-burst 3\n", "--statsd-port="+statsd.Port)
	alice := testutil.PrintToken(t, testutil.LongSecret, "--subject=alice")
	again := testutil.PrintToken(t, testutil.LongSecret, "--subject=alice", "--types=count")
	bob := testutil.PrintToken(t, testutil.LongSecret, "--subject=bob")
	nobody := testutil.PrintToken(t, testutil.LongSecret)

	proxy.MustSend(t, "/count/alice", "value=1", "X-JWT-Token", alice)
	proxy.MustSendBatch(t, "alice:2|c\nalice:3|c", 2, "X-JWT-Token", alice)
	mustLimit(t, proxy, "/count/alice", "value=4", "more metrics a second", "X-JWT-Token", alice)
	mustLimit(t, proxy, "/count/alice", "value=4", "more metrics a second", "X-JWT-Token", again)
	mustLimit(t, proxy, "/batch", "alice:4|c", "more metrics a second", "X-JWT-Token", alice)
	proxy.MustSendBatch(t, "bob:1|c\nbob:2|c\nbob:3|c", 3, "X-JWT-Token", bob)
	mustLimit(t, proxy, "/count/bob", "value=4", "more metrics a second", "X-JWT-Token", bob)
	// A token without a subject is limited by the address of the connection. The proxy
	// does not trust the header.
	for i := range 3 {
		proxy.MustSend(t, "/count/nobody", fmt.Sprintf("value=%d", i), "X-JWT-Token", nobody, "X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i))
	}
	mustLimit(t, proxy, "/count/nobody", "value=4", "more metrics a second", "X-JWT-Token", nobody, "X-Forwarded-For", "192.0.2.9")
	statsd.MustHaveReceived(t, proxy, "alice:1|c", "alice:2|c", "alice:3|c", "bob:1|c", "bob:2|c", "bob:3|c", "nobody:0|c", "nobody:1|c", "nobody:2|c")
}

func TestClientThatWaitsForRetryAfterIsServed(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--rate-limit=0.5", "--rate-burst=1")
	var want []string
	for range 3 {
		var wait time.Duration
		testutil.Eventually(t, "a response of 429", func() bool {
			status, _, retryAfter := sendAtRate(t, proxy, "/count/some.key", "value=1")
			if status == http.StatusOK {
				want = append(want, "some.key:1|c")
			}
			wait = retryAfter
			return status == http.StatusTooManyRequests
		})
		<-time.After(wait)
		proxy.MustSend(t, "/count/some.key", "value=1")
		want = append(want, "some.key:1|c")
	}
	statsd.MustHaveReceived(t, proxy, want...)
}
