package ingest

import (
	"net/netip"
	"strings"
	"testing"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
)

// countingSink counts the groups of lines that it takes.
type countingSink struct{ groups int }

func (s *countingSink) Send(_ []byte, ends []int) error {
	s.groups += len(ends)
	return nil
}

// TestExchangeHoldsNoScratch serves two requests whose clients are slow at the same time:
// neither what Begin hands on to Serve nor the response lies in memory that the other
// request uses.
func TestExchangeHoldsNoScratch(t *testing.T) {
	h, sink := newHandler(t)
	begin := func(target string) *exchange.Exchange {
		x := exchange.Acquire(netip.Addr{})
		var parser http1.HeadParser
		if _, herr := parser.Parse([]byte("POST "+target+" HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n"), &x.Request); herr != nil {
			t.Fatal(herr.Message)
		}
		if !h.Begin(x) || x.MaxBody != 1<<20 {
			t.Fatalf("Begin wants no body, or one of %d bytes: %s", x.MaxBody, x.Response.Body)
		}
		return x
	}
	bad, good := begin("/batch"), begin("/count/k")
	bad.Body = []byte("a:x|c\nb:1|c\n")
	h.Serve(bad)
	const want = `{"accepted":1,"rejected":[{"index":0,"error":"parameter \"value\": \"x\" is not a number"}]}`
	good.Body = []byte("value=1")
	h.Serve(good)
	if good.Response.Status != 200 || len(good.Response.Body) > 0 || sink.groups != 2 {
		t.Errorf("status %d, body %s, %d groups of lines were sent, want 2", good.Response.Status, good.Response.Body, sink.groups)
	}
	for range 10 {
		x := begin("/batch")
		x.Body = []byte(strings.Repeat("other:y|c\n", 30))
		h.Serve(x)
	}
	if got := string(bad.Response.Body); got != want {
		t.Errorf("the response has become %s, want %s", got, want)
	}
}
