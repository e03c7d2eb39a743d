package ingest_test

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/proxytest"
)

// almostNever is a rate that refills nothing while a test runs.
const almostNever = 0.001

func withRates(burst int) func(*proxytest.Options) {
	return func(o *proxytest.Options) { o.Rates = limit.NewRates(almostNever, burst, limit.DefaultClients) }
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

func TestEachEntryOfABatchIsCharged(t *testing.T) {
	p := proxytest.Start(t, withRates(5))
	p.Rejects("more than the burst", p.Do("POST", "/batch", strings.Repeat("k:1|c\n", 6)), 413, "the batch has 6 metrics")
	// That cost one.
	rejectsForLimit(p, "all or nothing", p.Do("POST", "/batch", strings.Repeat("k:1|c\n", 5)), "more metrics a second")
	postBatch(p, "a:1|c\nb:x|c\nc:1|c", 200,
		`{"accepted":2,"rejected":[{"index":1,"error":"parameter \"value\": \"x\" is not a number"}]}`, "a:1|c", "c:1|c")
	rejectsForLimit(p, "bad entries are charged", p.Do("POST", "/count/k", "value=1"), "more metrics a second")
}

// TestEachValueOfALineIsCharged sends lines with several values, which are a metric each.
func TestEachValueOfALineIsCharged(t *testing.T) {
	p := proxytest.Start(t, withRates(5))
	p.Rejects("more than the burst", p.Do("POST", "/batch", "k:1:2:3:4:5:6|ms"), 413, "the batch has 6 metrics")
	rejectsForLimit(p, "one of the burst is used", p.Do("POST", "/batch", "k:1:2:3:4:5|ms"), "more metrics a second")
	postBatch(p, "k:1:2:3|ms", 200, `{"accepted":1,"rejected":[]}`, "k:1|ms", "k:2|ms", "k:3|ms")
	rejectsForLimit(p, "the burst is used", p.Do("POST", "/count/k", "value=1"), "more metrics a second")
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
