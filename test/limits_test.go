package test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/test/harness"
)

const longSecret = "0123456789abcdef0123456789abcdef" // long enough that nobody is warned

// printToken returns the token that the program prints for args.
func printToken(t testing.TB, secret string, args ...string) string {
	t.Helper()
	cmd := harness.ProxyCommand(append([]string{"token"}, args...)...)
	cmd.Env = []string{"STATSD_HTTP_PROXY_JWT_SECRET=" + secret}
	return strings.TrimSuffix(harness.MustRun(t, cmd), "\n")
}

// startProxyWith starts the program with options in the environment and in a
// file as well, besides args.
func startProxyWith(t testing.TB, environment []string, file string, args ...string) *proxy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "options")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := harness.ProxyCommand(append([]string{"--http-port=0", "--config=" + path}, args...)...)
	for _, variable := range environment {
		cmd.Env = append(cmd.Env, "STATSD_HTTP_PROXY_"+variable)
	}
	return startProxyCommand(t, cmd)
}

// mustRefuse sends a metric that has to be refused with status, in words that
// hold word.
func (p *proxy) mustRefuse(t testing.TB, path, body string, status int, word string, header ...string) {
	t.Helper()
	if got, answer := p.send(t, path, body, header...); got != status || !strings.Contains(answer, word) {
		t.Errorf("POST %s with %.60q: got %d %s, want %d and a word on %q", path, body, got, answer, status, word)
	}
}

// sendAtRate sends a metric and returns also how long the client is to wait
// before the next, where it is told.
func (p *proxy) sendAtRate(t testing.TB, path, body string, header ...string) (status int, answer string, wait time.Duration) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, p.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := p.client.Do(request)
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

// mustLimit sends a metric that has to be refused for now, in words that hold
// word, and returns how long the client is to wait.
func (p *proxy) mustLimit(t testing.TB, path, body, word string, header ...string) time.Duration {
	t.Helper()
	status, answer, wait := p.sendAtRate(t, path, body, header...)
	if status != http.StatusTooManyRequests || wait == 0 || !strings.Contains(answer, word) {
		t.Errorf("POST %s with %.60q: got %d %s to wait %s, want 429, a word on %q and a time", path, body, status, answer, wait, word)
	}
	return wait
}

// mustHaveReceived stops the proxy and compares what it has sent.
func (r *receiver) mustHaveReceived(t testing.TB, p *proxy, want ...string) {
	t.Helper()
	p.Stop(t)
	if got := r.all(t); !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}

func TestTokenGrantsNamesTypesAndAPrefix(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxyWith(t, []string{"JWT_SECRET=" + longSecret}, "metric-prefix all\n", "--statsd-port="+statsd.port)
	names := printToken(t, longSecret, "--metrics=web.*,app.checkout")
	types := printToken(t, longSecret, "--types=count,timing")
	prefix := printToken(t, longSecret, "--prefix=shop", "--metrics=web.*", "--types=gauge")

	const value = "value=1"
	for range 2 { // the second time the tokens are known
		proxy.mustSend(t, "/count/web.load", value, "X-JWT-Token", names)
		proxy.mustSend(t, "/gauge/app.checkout", value, "Authorization", "Bearer "+names)
		proxy.mustRefuse(t, "/count/web", value, 403, `name \"web\"`, "X-JWT-Token", names)
		proxy.mustRefuse(t, "/count/app.checkout.total", value, 403, `name \"app.checkout.total\"`, "X-JWT-Token", names)
		proxy.mustRefuse(t, "/count/all.web.load", value, 403, `name \"all.web.load\"`, "X-JWT-Token", names)
		proxy.mustRefuse(t, "/count", `{"metric": "other", "value": 1}`, 403, `name \"other\"`, "X-JWT-Token", names)
		proxy.mustRefuse(t, "/gauge/web.load", value, 403, "type gauge", "X-JWT-Token", types)
		proxy.mustSend(t, "/timing/any", value, "X-JWT-Token", types)
		proxy.mustSend(t, "/gauge/web.level", value, "X-JWT-Token", prefix)
		proxy.mustRefuse(t, "/gauge/shop.web.level", value, 403, "shop.web.level", "X-JWT-Token", prefix)
		proxy.mustRefuse(t, "/count/web.level", value, 403, "type count", "X-JWT-Token", prefix)

		// In a batch each entry stands for itself.
		status, answer := proxy.send(t, "/batch", "web.a:1|c\nother.b:1|c\napp.checkout:2|g", "X-JWT-Token", names)
		if status != 200 || !strings.HasPrefix(answer, `{"accepted":2,"rejected":[{"index":1,`) || !strings.Contains(answer, "other.b") {
			t.Errorf("batch: got %d %s, want 200 and entry 1 rejected", status, answer)
		}
		proxy.mustRefuse(t, "/batch", "web.a:1|ms\nweb.b:1|c", 400, `{"accepted":0,"rejected":[{"index":0,`, "X-JWT-Token", prefix)
	}
	want := []string{
		"all.web.load:1|c", "all.app.checkout:1|g", "all.any:1|ms", "all.shop.web.level:1|g", "all.web.a:1|c", "all.app.checkout:2|g",
	}
	statsd.mustHaveReceived(t, proxy, append(want, want...)...)
}

func TestOnlyAllowedMetricsAreForwarded(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxyWith(t, []string{"ALLOW_METRICS=web.*,app.checkout.*"}, "metric-prefix all", "--statsd-port="+statsd.port)
	proxy.mustSend(t, "/count/web.load", "value=1")
	proxy.mustSend(t, "/count/web%2Eencoded", "value=1")
	for _, name := range []string{"other", "web", "all.web.load", "Web.load", "app.checkout", "other/web.load", "%77eb"} {
		proxy.mustRefuse(t, "/count/"+name, "value=1", 403, "is not allowed here")
	}
	proxy.mustRefuse(t, "/batch", "app.checkout.total:1|c\nother:1|c", 200, `{"accepted":1,"rejected":[{"index":1,"error":"the name \"other\" is not allowed here"}]}`)
	statsd.mustHaveReceived(t, proxy, "all.web.load:1|c", "all.web.encoded:1|c", "all.app.checkout.total:1|c")
}

func TestSeriesBeyondTheMostAreRefusedAndKnownOnesGoOn(t *testing.T) {
	const most = 10
	statsd := startReceiver(t)
	proxy := startProxyWith(t, nil, fmt.Sprintf("max-series = %d\ntag-format dogstatsd\n", most), "--statsd-port="+statsd.port)
	var want []string
	send := func(round int) {
		t.Helper()
		for i := range most / 2 {
			proxy.mustSend(t, fmt.Sprintf("/count/name%d", i), fmt.Sprintf("value=%d", round))
			proxy.mustSend(t, "/count/name", fmt.Sprintf("value=%d&tags=env%%3D%d", round, i))
			want = append(want, fmt.Sprintf("name%d:%d|c", i, round), fmt.Sprintf("name:%d|c|#env:%d", round, i))
		}
	}
	send(1)
	for i := range 100 {
		if wait := proxy.mustLimit(t, fmt.Sprintf("/count/more%d", i), "value=1", "too many series"); wait > time.Minute {
			t.Fatalf("a new name: got Retry-After %s, want a minute at most", wait)
		}
	}
	proxy.mustLimit(t, "/count/name0", "value=1&tags=env%3D5", "too many series")
	status, answer := proxy.send(t, "/batch", "name0:7|c\nmore:7|c\nname,env=0:7|c")
	if status != 200 || !strings.HasPrefix(answer, `{"accepted":2,"rejected":[{"index":1,`) {
		t.Errorf("batch: got %d %s, want 200 and entry 1 rejected", status, answer)
	}
	want = append(want, "name0:7|c", "name:7|c|#env:0")
	send(2)
	statsd.mustHaveReceived(t, proxy, want...)
}

// almostNever is a rate that gives nothing back while a test runs.
const almostNever = "0.001"

func TestClientsHaveRatesOfTheirOwn(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxyWith(t, []string{"JWT_SECRET=" + longSecret, "RATE_LIMIT=" + almostNever}, "rate-burst 3\n", "--statsd-port="+statsd.port)
	alice := printToken(t, longSecret, "--subject=alice")
	again := printToken(t, longSecret, "--subject=alice", "--types=count")
	bob := printToken(t, longSecret, "--subject=bob")
	nobody := printToken(t, longSecret)

	proxy.mustSend(t, "/count/alice", "value=1", "X-JWT-Token", alice)
	proxy.mustTake(t, "alice:2|c\nalice:3|c", 2, "X-JWT-Token", alice)
	proxy.mustLimit(t, "/count/alice", "value=4", "more metrics a second", "X-JWT-Token", alice)
	proxy.mustLimit(t, "/count/alice", "value=4", "more metrics a second", "X-JWT-Token", again)
	proxy.mustLimit(t, "/batch", "alice:4|c", "more metrics a second", "X-JWT-Token", alice)
	proxy.mustTake(t, "bob:1|c\nbob:2|c\nbob:3|c", 3, "X-JWT-Token", bob)
	proxy.mustLimit(t, "/count/bob", "value=4", "more metrics a second", "X-JWT-Token", bob)
	// Nobody trusts a header: without a subject the connection's address counts.
	for i := range 3 {
		proxy.mustSend(t, "/count/nobody", fmt.Sprintf("value=%d", i), "X-JWT-Token", nobody, "X-Forwarded-For", fmt.Sprintf("192.0.2.%d", i))
	}
	proxy.mustLimit(t, "/count/nobody", "value=4", "more metrics a second", "X-JWT-Token", nobody, "X-Forwarded-For", "192.0.2.9")
	statsd.mustHaveReceived(t, proxy, "alice:1|c", "alice:2|c", "alice:3|c", "bob:1|c", "bob:2|c", "bob:3|c", "nobody:0|c", "nobody:1|c", "nobody:2|c")
}

func TestAClientThatWaitsAsToldIsServedAgain(t *testing.T) {
	t.Parallel() // it waits
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--rate-limit=0.5", "--rate-burst=1")
	var want []string
	for range 3 {
		var wait time.Duration
		harness.Eventually(t, "a refusal", func() bool {
			status, _, told := proxy.sendAtRate(t, "/count/some.key", "value=1")
			if status == http.StatusOK {
				want = append(want, "some.key:1|c")
			}
			wait = told
			return status == http.StatusTooManyRequests
		})
		<-time.After(wait)
		proxy.mustSend(t, "/count/some.key", "value=1")
		want = append(want, "some.key:1|c")
	}
	statsd.mustHaveReceived(t, proxy, want...)
}
