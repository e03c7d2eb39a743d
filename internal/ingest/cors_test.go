package ingest_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/proxytest"
)

// TestResponsesHaveTheseHeadersAndNoOthers compares all header fields, so that it also
// finds one too many.
func TestResponsesHaveTheseHeadersAndNoOthers(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	slow := proxytest.Start(t, proxytest.WithTokens, func(o *proxytest.Options) { o.ReadTimeout = 50 * time.Millisecond })
	const origin = "https://shop.example"
	cors := http.Header{
		"Access-Control-Allow-Origin":      {origin},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers":    {"Retry-After"},
		"Vary":                             {"Origin"},
	}
	f := func(what string, a proxytest.Response, status int, want http.Header) {
		t.Helper()
		got := a.Header.Clone()
		if got.Get("Date") == "" {
			t.Errorf("%s: no date", what)
		}
		if got.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: there is no X-Content-Type-Options", what)
		}
		for _, name := range []string{"Date", "Connection", "Content-Length", "X-Content-Type-Options"} {
			got.Del(name)
		}
		if diff := cmp.Diff(want, got); diff != "" || a.Status != status {
			t.Errorf("%s: status %d, want %d, headers (-want +got):\n%s", what, a.Status, status, diff)
		}
	}
	plus := func(headers http.Header, more ...string) http.Header {
		headers = maps.Clone(headers)
		for i := 0; i < len(more); i += 2 {
			headers.Set(more[i], more[i+1])
		}
		return headers
	}
	good := "X-JWT-Token: " + proxytest.Token(t, nil)
	const from = "Origin: " + origin
	f("200", p.Do("POST", "/count/k", "value=1", good), 200, http.Header{})
	f("200, browser", p.Do("POST", "/count/k", "value=1", good, from), 200, cors)
	f("400, browser", p.Do("POST", "/count/k", "value=x", good, from), 400, plus(cors, "Content-Type", "application/json"))
	f("401", p.Do("POST", "/count/k", "value=1"), 401, http.Header{"Content-Type": {"application/json"}, "Www-Authenticate": {`Bearer realm="metrics"`}})
	f("401, browser", p.Do("POST", "/count/k", "value=1", from), 401, plus(cors, "Content-Type", "application/json", "Www-Authenticate", `Bearer realm="metrics"`))
	f("403, browser", p.Do("POST", "/count/k", "value=1", "X-JWT-Token: x", from), 403, plus(cors, "Content-Type", "application/json"))
	f("404, browser", p.Do("POST", "/nope/k", "value=1", from), 404, plus(cors, "Content-Type", "application/json"))
	f("405, browser", p.Do("GET", "/count/k", "", from), 405, plus(cors, "Content-Type", "application/json", "Allow", "POST"))
	f("413, browser", p.Do("POST", "/count/k", string(make([]byte, 2<<20)), good, from), 413, plus(cors, "Content-Type", "application/json"))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", 2<<20, make([]byte, 2<<20))
	const chunked = "POST /count/k HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" + from + "\r\n"
	f("413, browser, chunks", p.Raw("POST", chunked+good+"\r\n\r\n"+chunk), 413, plus(cors, "Content-Type", "application/json"))
	f("400, browser, chunks", p.Raw("POST", chunked+good+"\r\n\r\nx"), 400, plus(cors, "Content-Type", "application/json"))
	f("408, browser", slow.Raw("POST", "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n"+from+"\r\n"+good+"\r\n\r\nvalue="), 408, plus(cors, "Content-Type", "application/json"))
	f("200, browser, chunks", p.Raw("POST", chunked+good+"\r\n\r\n0\r\n\r\n"), 200, cors)
	f("415, browser", p.Do("POST", "/count/k", "x", good, from, "Content-Type: text/xml"), 415, plus(cors, "Content-Type", "application/json"))
	f("501, browser", p.Raw("POST", "POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n"+from+"\r\n\r\n0\r\n\r\n"), 501,
		plus(cors, "Content-Type", "application/json"))
	f("heartbeat", p.Do("GET", "/heartbeat", ""), 200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}, "Cache-Control": {"no-store"}})
	f("heartbeat, browser", p.Do("GET", "/heartbeat", "", from), 200, plus(cors, "Content-Type", "text/plain; charset=utf-8", "Cache-Control", "no-store"))
	f("null origin", p.Do("POST", "/count/k", "value=1", good, "Origin: null"), 200, plus(cors, "Access-Control-Allow-Origin", "null"))

	preflight := []string{from, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-jwt-token"}
	allowed := plus(cors,
		"Access-Control-Allow-Methods", "POST",
		"Access-Control-Allow-Headers", "content-type,x-jwt-token",
		"Access-Control-Max-Age", "86400")
	f("preflight", p.Do("OPTIONS", "/count/k", "", preflight...), 204, allowed)
	f("preflight of a heartbeat", p.Do("OPTIONS", "/heartbeat", "", preflight...), 204, plus(allowed, "Access-Control-Allow-Methods", "GET, HEAD"))
	f("preflight of a batch", p.Do("OPTIONS", "/batch", "", preflight...), 204, plus(allowed, "Access-Control-Allow-Methods", "POST, PUT"))
	for requested, names := range map[string]string{
		"traceparent, sentry-trace,baggage,cache-control": "traceparent, sentry-trace,baggage,cache-control",
		"a" + strings.Repeat(",b", 63):                    "a" + strings.Repeat(",b", 63),
		"a" + strings.Repeat(",b", 64):                    exchange.DefaultHeaders,
		"a,":                                              exchange.DefaultHeaders,
		"a b":                                             exchange.DefaultHeaders,
		"a,\xc3\xa4":                                      exchange.DefaultHeaders,
		"":                                                exchange.DefaultHeaders,
	} {
		f("preflight for "+requested, p.Do("OPTIONS", "/count/k", "", from, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: "+requested),
			204, plus(allowed, "Access-Control-Allow-Headers", names))
	}
	f("preflight to nowhere", p.Do("OPTIONS", "/nope", "", preflight...), 404, plus(cors, "Content-Type", "application/json"))
	f("no preflight", p.Do("OPTIONS", "/count/k", "", from), 405, plus(cors, "Content-Type", "application/json", "Allow", "POST"))
	f("no browser", p.Do("OPTIONS", "/count/k", "", preflight[1:]...), 405, http.Header{"Content-Type": {"application/json"}, "Allow": {"POST"}})
}

// TestErrorsOfLimitsHaveCORSHeaders checks the errors after which pages retry.
func TestErrorsOfLimitsHaveCORSHeaders(t *testing.T) {
	const origin = "https://shop.example"
	p := proxytest.Start(t, withRates(2))
	f := func(status int, body string) {
		t.Helper()
		a := p.Do("POST", "/batch", body, "Origin: "+origin)
		if a.Status != status || a.Header.Get("Access-Control-Allow-Origin") != origin || a.Header.Get("Access-Control-Expose-Headers") != "Retry-After" {
			t.Errorf("got %d with %v, want %d", a.Status, a.Header, status)
		}
	}
	p.Sink.Fail(errors.New("the send queue is full"))
	f(503, "k:1|c")
	f(429, "k:1|c\nk:1|c")
	f(429, "k:1|c")
	p = proxytest.Start(t, withRates(2))
	f(413, "k:1|c\nk:1|c\nk:1|c")
}

func TestForeignOriginsAreRejected(t *testing.T) {
	origins, err := ingest.ParseOrigins("https://shop.example,https://*.shop.example")
	if err != nil {
		t.Fatal(err)
	}
	p := proxytest.Start(t, proxytest.WithTokens, func(o *proxytest.Options) { o.Origins = origins })
	good := "X-JWT-Token: " + proxytest.Token(t, nil)
	send := func(method, path, body, origin string) proxytest.Response {
		return p.Do(method, path, body, good, "Origin: "+origin, "Access-Control-Request-Method: POST")
	}
	for _, origin := range []string{"https://shop.example", "https://www.shop.example"} {
		a := send("POST", "/count/k", "value=1", origin)
		p.Forwards(origin, a, "k:1|c")
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != origin {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", origin, got)
		}
	}
	f := func(what string, a proxytest.Response, status int, message string) {
		t.Helper()
		p.Rejects(what, a, status, message)
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: the response has %s", what, name)
			}
		}
		if a.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: Vary does not name the origin", what)
		}
	}
	const evil = "https://evil.example"
	f("a simple POST", send("POST", "/count/k", "value=1", evil), 403, `pages of the origin "https://evil.example" may not send here`)
	f("a batch", send("POST", "/batch", "k:1|c", evil), 403, "may not send here")
	f("a preflight", send("OPTIONS", "/count/k", "", evil), 403, "may not send here")
	f("a sandboxed page", send("POST", "/count/k", "value=1", "null"), 403, "may not send here")
	f("no such route", send("POST", "/nope/k", "value=1", evil), 404, "unknown metric type")
	f("wrong method", send("GET", "/count/k", "", evil), 405, "method")
	f("without a token", p.Do("POST", "/count/k", "value=1", "Origin: "+evil), 403, "may not send here")
	p.Forwards("without an origin", p.Do("POST", "/count/k", "value=1", good), "k:1|c")
}
