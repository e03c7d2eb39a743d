package ingest_test

import (
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

// TestRetryAfterTellsWhenTheTokensAreThere sends metrics that cost more than the client has
// left of a burst of 30. A batch may need all of a burst: its rest is not read.
func TestRetryAfterTellsWhenTheTokensAreThere(t *testing.T) {
	f := func(target, body, want string) {
		t.Helper()
		proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {

			if a := p.Do("POST", "/timing/k", "value=1&sampleRate=0.05"); a.Status != 200 {
				t.Fatalf("got %d %s", a.Status, a.Body)
			}
			p.Sink.Take()
			a := p.Do("POST", target, body)
			p.Rejects(target, a, 429, "more metrics a second")
			if got := a.Header.Get("Retry-After"); got != want {
				t.Errorf("%s %q: got Retry-After %q, want %q", target, body, got, want)
			}
		}, func(o *proxytest.Options) { o.RateLimit, o.RateBurst = 1, 30 })
	}
	f("/timing/k", "value=1&sampleRate=0.05", "20")
	f("/timing/k", "value=1&sampleRate=0.04", "25")
	f("/batch", "k:1|ms|@0.05", "30")
	f("/batch", "k:1|ms|@0.04\nk:1|c", "30")
}
