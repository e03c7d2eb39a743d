package ingest_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/sender"
)

// countsOf returns the counters of p that are not 0, by their names.
func countsOf(p *proxytest.Proxy) map[string]uint64 {
	all := p.Handler.Stats()
	counts := make(map[string]uint64)
	add := func(name string, n uint64) {
		if n > 0 {
			counts[name] = n
		}
	}
	for kind := range all.Accepted {
		add("accepted "+metric.Kind(kind).String(), all.Accepted[kind])
		add("sampled out "+metric.Kind(kind).String(), all.SampledOut[kind])
	}
	for reason, n := range all.Rejected {
		add(ingest.Reason(reason).String(), n)
	}
	return counts
}

func TestMetricsAreCountedByTypeAndReason(t *testing.T) {
	f := func(want map[string]uint64, send func(p *proxytest.Proxy), changes ...func(*proxytest.Options)) {
		t.Helper()
		p := proxytest.Start(t, changes...)
		send(p)
		if diff := cmp.Diff(want, countsOf(p)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	withHistograms := proxytest.WithMetrics(t, metric.Options{Histograms: true})
	f(map[string]uint64{
		"accepted count": 1, "accepted gauge": 1, "accepted timing": 1,
		"accepted set": 1, "accepted histogram": 1, "accepted distribution": 1,
	}, func(p *proxytest.Proxy) {
		for _, kind := range []string{"count", "gauge", "timing", "set", "histogram", "distribution"} {
			p.Do("POST", "/"+kind+"/k", "value=1")
		}
	}, withHistograms)
	f(map[string]uint64{"accepted count": 3, "accepted timing": 1, "accepted gauge": 1, "invalid": 2}, func(p *proxytest.Proxy) {
		p.Do("POST", "/batch", "a:1|c\nb:x|c\n\na:1|ms\nc:1:2|c\nd:1|h\ne:1|c\ng:-1|g")
	})
	// Each entry of a batch that is rejected as a whole counts, and the one that broke it.
	f(map[string]uint64{"invalid": 1 + 3}, func(p *proxytest.Proxy) {
		p.Do("POST", "/batch", "[]")
		p.Do("POST", "/batch", `[{"metric":"a","metric_type":"count"},{"metric":"a"},{"metric":"a","metric_ty`)
	})
	f(map[string]uint64{"queue_full": 3, "invalid": 1}, func(p *proxytest.Proxy) {
		p.Sink.Fail(sender.ErrQueueFull)
		p.Do("POST", "/batch", "a:1|c\nb:x|c\nc:1|c")
		p.Do("POST", "/count/k", "value=1")
	})
	f(map[string]uint64{"too_large": 3}, func(p *proxytest.Proxy) {
		p.Sink.Fail(sender.ErrTooLarge)
		p.Do("POST", "/count/k", "value=1")
		p.Do("POST", "/set/k", "value="+strings.Repeat("x", 1432))
		p.Do("POST", "/count/k", strings.Repeat(" ", 10_001))
	}, func(o *proxytest.Options) { o.MaxBody = 10_000 })
	p := proxytest.Start(t)
	for range 100 {
		p.Do("POST", "/count/k", "value=1&sampleRate=0.5")
	}
	got := p.Handler.Stats()
	if n := got.Accepted[metric.Count] + got.SampledOut[metric.Count]; n != 100 || got.SampledOut[metric.Count] == 0 || int(got.Accepted[metric.Count]) != p.Sink.Len() {
		t.Errorf("with a rate: got %d accepted, %d sampled out, %d lines", got.Accepted[metric.Count], got.SampledOut[metric.Count], p.Sink.Len())
	}
}

func TestRejectionsByLimitsAreCounted(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) {
		o.RateLimit, o.RateBurst = 0.001, 5
		o.Series, o.TagKeys = limit.NewSeries(2), limit.NewTagKeys(1)
	})
	p.Do("POST", "/batch", "a:1|c\nb:1|c,env=x\nc:1|c\na,env=x:1|c") // there is no room for the last series
	p.Do("POST", "/count/a", "value=1")
	p.Do("POST", "/count/a", "value=1")
	p.Do("POST", "/batch", "a:1|c\nb:1|c")
	want := map[string]uint64{"accepted count": 3, "invalid": 1, "max_series": 1, "rate_limit": 2}
	got := countsOf(p)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if s := p.Handler.Stats(); s.Series != 2 || s.SeriesLimit != 2 || s.RateLimitClients != 1 {
		t.Errorf("got %d of %d series, %d clients", s.Series, s.SeriesLimit, s.RateLimitClients)
	}
}

func TestTokensAndRequestsAreCounted(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	now := time.Now()
	send := func(claims jwt.MapClaims) {
		p.Do("POST", "/count/k", "value=1", "X-JWT-Token: "+proxytest.Token(t, claims))
	}
	send(nil)
	send(nil)
	send(jwt.MapClaims{"exp": now.Add(-time.Hour).Unix()})
	send(jwt.MapClaims{"nbf": now.Add(time.Hour).Unix()})
	send(jwt.MapClaims{"exp": "soon"})
	send(jwt.MapClaims{"metrics": []string{"other"}})
	p.Do("POST", "/count/k", "value=1", "X-JWT-Token: "+proxytest.Token(t, nil)+"x")
	p.Do("POST", "/count/k", "value=1", "X-JWT-Token: x")
	p.Do("POST", "/count/k", "value=1")
	p.Do("GET", "/count/k", "")
	p.Do("GET", "/nonsense", "")
	p.Do("GET", "/heartbeat", "")
	p.Do("OPTIONS", "/batch", "", "Origin: https://shop.example", "Access-Control-Request-Method: POST")
	if diff := cmp.Diff(map[string]uint64{"accepted count": 2, "forbidden": 7}, countsOf(p)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	tokens := p.Options.Verifier.Stats()
	tokens.Valid-- // that of the metric that the token does not allow
	want := map[string]uint64{"valid": 2, "missing": 1, "malformed": 1, "signature": 1, "expired": 1, "not_yet_valid": 1, "claims": 1}
	got := map[string]uint64{
		"valid": tokens.Valid, "missing": tokens.Missing, "malformed": tokens.Malformed, "signature": tokens.Signature,
		"expired": tokens.Expired, "not_yet_valid": tokens.NotYetValid, "claims": tokens.Claims,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tokens (-want +got):\n%s", diff)
	}
	requests := make(map[string]uint64)
	stats := p.Stats()
	stats.Requests.Requests(func(route exchange.Route, code int, n uint64) {
		if n > 0 {
			requests[route.String()+" "+strconv.Itoa(code)] = n
		}
	})
	wantRequests := map[string]uint64{
		"count 200": 2, "count 401": 1, "count 403": 6, "count 405": 1, "other 404": 1, "heartbeat 200": 1, "preflight 204": 1,
	}
	if diff := cmp.Diff(wantRequests, requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if want := uint64(9 * len("value=1")); stats.Requests.BodyBytes != want {
		t.Errorf("got %d bytes of bodies, want %d", stats.Requests.BodyBytes, want)
	}
}
