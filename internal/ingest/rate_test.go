package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/proxytest"
)

// almostNever is a rate that refills nothing while a test runs.
const almostNever = 0.001

func withRates(burst int) func(*proxytest.Options) {
	return func(o *proxytest.Options) { o.RateLimit, o.RateBurst = almostNever, burst }
}

func withProxies(t *testing.T, networks string) func(*proxytest.Options) {
	t.Helper()
	trusted, err := limit.ParseTrustedProxies(networks)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *proxytest.Options) { o.TrustedProxies = trusted }
}

// rejectsForLimit checks that a response rejects a client that is beyond a limit.
func rejectsForLimit(p *proxytest.Proxy, what string, a proxytest.Response, message string) {
	p.T.Helper()
	p.Rejects(what, a, 429, message)
	if wait := a.Header.Get("Retry-After"); wait == "" || wait == "0" {
		p.T.Errorf("%s: Retry-After is %q", what, wait)
	}
}

func TestRateOfAClientIsLimited(t *testing.T) {
	p := proxytest.Start(t, withRates(3))
	for range 3 {
		p.Forwards("within the burst", p.Do("POST", "/count/k", "value=1"), "k:1|c")
	}
	rejectsForLimit(p, "beyond the burst", p.Do("POST", "/count/k", "value=1"), "more metrics a second")
	rejectsForLimit(p, "a bad metric", p.Do("POST", "/count/k", "value=x"), "more metrics a second")
	rejectsForLimit(p, "a batch", p.Do("POST", "/batch", "k:1|c"), "more metrics a second")
	if a := p.Do("GET", "/heartbeat", ""); a.Status != 200 {
		t.Errorf("the heartbeat is limited: %d", a.Status)
	}
	if a := p.Do("OPTIONS", "/count/k", "", "Origin: https://a.example", "Access-Control-Request-Method: POST"); a.Status != 204 {
		t.Errorf("a preflight is limited: %d", a.Status)
	}
}

// TestRejectionsForTheRateAreHeldBack measures no more than that: a client that sends on
// has to wait for each response. The end of the server ends the wait.
func TestRejectionsForTheRateAreHeldBack(t *testing.T) {
	p := proxytest.Start(t, withRates(1))
	p.Forwards("within the burst", p.Do("POST", "/count/k", "value=1"), "k:1|c")
	for body, want := range map[string]time.Duration{
		"value=1":                   ingest.RateDelay,
		strings.Repeat("a", 20<<10): ingest.RateBodyDelay,
	} {
		start := time.Now()
		rejectsForLimit(p, "beyond the burst", p.Do("POST", "/count/k", body), "more metrics a second")
		if passed := time.Since(start); passed < want {
			t.Errorf("the response to %d bytes came after %v, want at least %v", len(body), passed, want)
		}
	}
}

func TestEachEntryOfABatchIsCharged(t *testing.T) {
	p := proxytest.Start(t, withRates(5))
	postBatch(p, "a:1|c\nb:x|c\nc:1|c", 200,
		`{"accepted":2,"rejected":[{"index":1,"error":"parameter \"value\": \"x\" is not a number"}]}`, "a:1|c", "c:1|c")
	rejectsForLimit(p, "more than the bucket holds", p.Do("POST", "/batch", strings.Repeat("k:1|c\n", 3)), "more metrics a second")
	rejectsForLimit(p, "what was read is charged", p.Do("POST", "/count/k", "value=1"), "more metrics a second")

	p = proxytest.Start(t, withRates(5))
	postBatch(p, strings.Repeat("k:1|c\n", 5), 200, `{"accepted":5,"rejected":[]}`, "k:1|c", "k:1|c", "k:1|c", "k:1|c", "k:1|c")
	rejectsForLimit(p, "the burst is used", p.Do("POST", "/count/k", "value=1"), "more metrics a second")

	for _, entry := range []string{"k:1|c\n", "bad\n"} {
		p = proxytest.Start(t, withRates(5))
		p.Rejects("more than the burst", p.Do("POST", "/batch", strings.Repeat(entry, 6)), 413, "more than the 5 metrics that you may send at once")
		rejectsForLimit(p, "what was read is charged", p.Do("POST", "/count/k", "value=1"), "more metrics a second")
	}
}

// TestEachValueOfALineIsCharged sends lines with several values, which are a metric each.
func TestEachValueOfALineIsCharged(t *testing.T) {
	p := proxytest.Start(t, withRates(5))
	postBatch(p, "k:1:2:3|ms", 200, `{"accepted":1,"rejected":[]}`, "k:1|ms", "k:2|ms", "k:3|ms")
	rejectsForLimit(p, "two are left", p.Do("POST", "/batch", "k:1:2:3|ms"), "more metrics a second")
	p = proxytest.Start(t, withRates(5), proxytest.WithMetrics(t, metric.Options{Flavor: metric.FlavorDatadog}))
	p.Rejects("more than the burst", p.Do("POST", "/batch", "k:1:2:3:4:5:6|ms"), 413, "more than the 5 metrics")
}

// tokensLeft returns how many single metrics a client can still send.
func tokensLeft(p *proxytest.Proxy) (n int) {
	for p.Do("POST", "/count/k", "value=1").Status == 200 {
		n++
	}
	p.Sink.Take()
	return n
}

func TestBytesOfABodyAreCharged(t *testing.T) {
	pad := func(n int) string { return strings.Repeat("x", n) }
	deflated := func(text string) string { return compress(t, text, openZlib) }
	chunked := func(body string) string {
		return fmt.Sprintf("POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	emptyBlocks := "\x78\x9c" + strings.Repeat("\x00\x00\x00\xff\xff", 8<<10) // of deflate, 40 KiB of them
	for _, tt := range []struct {
		name string
		send func(p *proxytest.Proxy) proxytest.Response
		cost int
	}{
		{"4095 bytes", func(p *proxytest.Proxy) proxytest.Response { return p.Do("POST", "/count/k", pad(4<<10-1)) }, 1},
		{"8 KiB", func(p *proxytest.Proxy) proxytest.Response { return p.Do("POST", "/count/k", pad(8<<10)) }, 3},
		{"40 KiB", func(p *proxytest.Proxy) proxytest.Response { return p.Do("POST", "/count/k", pad(40<<10)) }, 11},
		{"40 KiB in chunks", func(p *proxytest.Proxy) proxytest.Response { return p.Raw("POST", chunked(pad(40<<10))) }, 11},
		{"malformed chunks", func(p *proxytest.Proxy) proxytest.Response {
			return p.Raw("POST", strings.TrimSuffix(chunked(pad(40<<10)), "0\r\n\r\n")+"x\r\n")
		}, 10},
		{"40 KiB unpacked", func(p *proxytest.Proxy) proxytest.Response {
			return p.Do("POST", "/count/k", deflated(pad(40<<10)), "Content-Encoding: deflate")
		}, 11},
		{"40 KiB packed", func(p *proxytest.Proxy) proxytest.Response {
			return p.Do("POST", "/count/k", emptyBlocks, "Content-Encoding: deflate")
		}, 10},
		{"a type that is not read", func(p *proxytest.Proxy) proxytest.Response {
			return p.Do("POST", "/count/k", pad(40<<10), "Content-Type: text/xml")
		}, 1},
	} {
		p := proxytest.Start(t, withRates(30))
		if a := tt.send(p); a.Status != 400 && a.Status != 415 {
			t.Errorf("%s: got %d %s", tt.name, a.Status, a.Body)
		}
		if left := tokensLeft(p); left != 30-tt.cost {
			t.Errorf("%s: cost %d, want %d", tt.name, 30-left, tt.cost)
		}
	}
	p := proxytest.Start(t, withRates(3))
	p.Rejects("more than the burst", p.Do("POST", "/count/k", pad(16<<10)), 413, "the body is larger than 16383 bytes")
	p.Rejects("more than the burst in chunks", p.Raw("POST", chunked(pad(16<<10))), 413, "the body is larger than 16383 bytes")
	p = proxytest.Start(t, withRates(10))
	p.Rejects("more than the burst, unpacked", p.Do("POST", "/count/k", deflated(pad(60<<10)), "Content-Encoding: deflate"), 413, "the body is larger than 45055 bytes")
	p = proxytest.Start(t, withRates(10))
	p.Do("POST", "/batch", strings.Repeat("k:1|c\n", 5))
	p.Sink.Take()
	rejectsForLimit(p, "more than the bucket", p.Do("POST", "/count/k", pad(24<<10)), "more metrics a second")
	rejectsForLimit(p, "more than the bucket, unpacked", p.Do("POST", "/count/k", deflated(pad(24<<10)), "Content-Encoding: deflate"), "more metrics a second")
}

// TestTimingsThatServersRepeatAreCharged sends timings with a sample rate of r, which
// some servers repeat 1/r times.
func TestTimingsThatServersRepeatAreCharged(t *testing.T) {
	const lines = "k:1|ms|@0.1\nk:1:2|ms|@0.2"
	f := func(flavor metric.Flavor, cost int) {
		t.Helper()
		p := proxytest.Start(t, withRates(30), proxytest.WithMetrics(t, metric.Options{Flavor: flavor}))
		if a := p.Do("POST", "/batch", lines); a.Status != 200 {
			t.Errorf("%v: got %d %s", flavor, a.Status, a.Body)
		}
		if left := tokensLeft(p); left != 30-cost {
			t.Errorf("%v: cost %d, want %d", flavor, 30-left, cost)
		}
	}
	f(metric.FlavorNone, 20)
	f(metric.FlavorStatsDExporter, 20)
	f(metric.FlavorEtsy, 3)
	p := proxytest.Start(t, withRates(30))
	if a := p.Do("POST", "/timing/k", "value=1&sampleRate=0.05"); a.Status != 200 {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	p.Sink.Take()
	rejectsForLimit(p, "ten are left", p.Do("POST", "/timing/k", "value=1&sampleRate=0.05"), "more metrics a second")
	p = proxytest.Start(t, withRates(30))
	p.Rejects("more than the burst", p.Do("POST", "/timing/k", "value=1&sampleRate=0.01"), 413, "counts as 100 metrics")
}

// TestTimingsThatServersRepeatAreLimited bounds the work that a request without a rate
// limit makes for such a server.
func TestTimingsThatServersRepeatAreLimited(t *testing.T) {
	p := proxytest.Start(t)
	a := p.Do("POST", "/batch", "a:1|ms|@0.0002\nb:1|ms|@0.00019\nc:1:2|ms|@0.0004\nd:1|ms\ne:1|c|@0.0001")
	if sent := p.Sink.Take(); a.Status != 200 || !slices.Equal(sent, []string{"a:1|ms|@0.0002", "c:1|ms|@0.0004", "c:2|ms|@0.0004", "e:1|c|@0.0001"}) ||
		!strings.Contains(a.Body, `{"accepted":3,"rejected":[{"index":1,`) || !strings.Contains(a.Body, "--statsd-flavor") {
		t.Errorf("got %d %s and sent %q", a.Status, a.Body, sent)
	}
	if a := p.Do("POST", "/timing/k", "value=1&sampleRate=0.0001"); a.Status != 200 {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
	p = proxytest.Start(t, proxytest.WithMetrics(t, metric.Options{Flavor: metric.FlavorEtsy}))
	if a := p.Do("POST", "/batch", strings.Repeat("a:1|ms|@0.0001\n", 10)); a.Body != `{"accepted":10,"rejected":[]}` {
		t.Errorf("got %d %s", a.Status, a.Body)
	}
}

func TestTokensSubjectIsTheClient(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens, withRates(1))
	send := func(claims jwt.MapClaims) proxytest.Response {
		return p.Do("POST", "/count/k", "value=1", "X-JWT-Token: "+proxytest.Token(t, claims))
	}
	p.Forwards("ann", send(jwt.MapClaims{"sub": "ann"}), "k:1|c")
	rejectsForLimit(p, "ann", send(jwt.MapClaims{"sub": "ann", "jti": "another token"}), "more metrics a second")
	p.Forwards("bob", send(jwt.MapClaims{"sub": "bob"}), "k:1|c")
	p.Forwards("the address", send(nil), "k:1|c")
	rejectsForLimit(p, "the address", send(jwt.MapClaims{"sub": ""}), "more metrics a second")
	// A request without a valid token is charged to nobody.
	q := proxytest.Start(t, proxytest.WithTokens, withRates(1))
	for range 3 {
		q.Rejects("no token", q.Do("POST", "/count/k", "value=1"), 401, "token")
	}
	q.Forwards("the first one", q.Do("POST", "/count/k", "value=1", "X-JWT-Token: "+proxytest.Token(t, nil)), "k:1|c")
}

// TestForwardedForCountsFromTrustedProxiesOnly sends the header as a client would to pass
// for many clients.
func TestForwardedForCountsFromTrustedProxiesOnly(t *testing.T) {
	from := func(p *proxytest.Proxy, headers ...string) proxytest.Response {
		return p.Do("POST", "/count/k", "value=1", headers...)
	}

	p := proxytest.Start(t, withRates(1))
	p.Forwards("nobody is trusted", from(p, "X-Forwarded-For: 192.0.2.1"), "k:1|c")
	rejectsForLimit(p, "nobody is trusted", from(p, "X-Forwarded-For: 192.0.2.2"), "more metrics a second")

	p = proxytest.Start(t, withRates(1), withProxies(t, "127.0.0.0/8,10.0.0.0/8"))
	p.Forwards("one client", from(p, "X-Forwarded-For: 192.0.2.1"), "k:1|c")
	p.Forwards("another", from(p, "X-Forwarded-For: 192.0.2.2"), "k:1|c")
	rejectsForLimit(p, "the first again", from(p, "X-Forwarded-For: 192.0.2.1"), "more metrics a second")
	rejectsForLimit(p, "with an address that it made up", from(p, "X-Forwarded-For: 203.0.113.9, 192.0.2.1"), "more metrics a second")
	rejectsForLimit(p, "in a header of its own", from(p, "X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 192.0.2.1, 10.0.0.7"), "more metrics a second")
	p.Forwards("another network of IPv6", from(p, "X-Forwarded-For: 2001:db8::1"), "k:1|c")
	rejectsForLimit(p, "the same", from(p, "X-Forwarded-For: 2001:db8::2"), "more metrics a second")
}

// TestTokensCarryLimits uses tokens with the claims rate, burst and max_series.
func TestTokensCarryLimits(t *testing.T) {
	send := func(p *proxytest.Proxy, target string, claims jwt.MapClaims) proxytest.Response {
		return p.Do("POST", target, "value=1", "X-JWT-Token: "+proxytest.Token(t, claims))
	}
	f := func(p *proxytest.Proxy, claims jwt.MapClaims, want int) {
		t.Helper()
		got := 0
		for got < 30 && send(p, "/count/k", claims).Status == 200 {
			got++
		}
		if p.Sink.Take(); got != want {
			t.Errorf("%v: %d metrics are accepted, want %d", claims, got, want)
		}
	}
	limited := proxytest.Start(t, proxytest.WithTokens, withRates(3))
	f(limited, jwt.MapClaims{"sub": "default"}, 3)
	f(limited, jwt.MapClaims{"sub": "more", "burst": 20}, 20)
	f(limited, jwt.MapClaims{"sub": "slow", "rate": almostNever}, 3)
	f(limited, jwt.MapClaims{"sub": "fast", "rate": 1e9}, 30)
	f(limited, jwt.MapClaims{"rate": almostNever, "burst": 5}, 5) // for the address
	free := proxytest.Start(t, proxytest.WithTokens)
	f(free, jwt.MapClaims{"sub": "free"}, 30)
	f(free, jwt.MapClaims{"sub": "burst alone", "burst": 2}, 30)
	f(free, jwt.MapClaims{"sub": "both", "rate": almostNever, "burst": 2}, 2)
	f(free, jwt.MapClaims{"sub": "rate alone", "rate": almostNever}, 1)
}

// TestTokensLimitSeries uses tokens with the claim max_series.
func TestTokensLimitSeries(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens, func(o *proxytest.Options) { o.Series = limit.NewSeries(1) })
	send := func(target, subject string, maxSeries int) proxytest.Response {
		claims := jwt.MapClaims{"sub": subject}
		if maxSeries > 0 {
			claims["max_series"] = maxSeries
		}
		return p.Do("POST", target, "value=1", "X-JWT-Token: "+proxytest.Token(t, claims))
	}
	p.Forwards("first", send("/count/a", "two", 2), "a:1|c")
	p.Forwards("second", send("/count/b", "two", 2), "b:1|c")
	rejectsForLimit(p, "third", send("/count/c", "two", 2), `too many series are in use for the new one of "c"`)
	p.Forwards("known", send("/count/a", "two", 2), "a:1|c")
	p.Forwards("the option holds for other tokens", send("/count/c", "all", 0), "c:1|c")
	rejectsForLimit(p, "the option", send("/count/d", "all", 0), "too many series")
	p.Sink.Fail(errors.New("the send queue is full"))
	p.Rejects("a full queue", send("/count/a", "third", 1), 503, "full")
	p.Sink.Fail(nil)
	p.Forwards("a takes no room", send("/count/b", "third", 1), "b:1|c")
}
