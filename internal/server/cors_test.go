package server

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestAnswersHaveTheseHeadersAndNoOthers compares whole sets: one more header
// is a fault too.
func TestAnswersHaveTheseHeadersAndNoOthers(t *testing.T) {
	p := start(t, withTokens)
	slow := start(t, withTokens, func(o *Options) { o.ReadTimeout = 50 * time.Millisecond })
	const origin = "https://shop.example"
	cors := http.Header{
		"Access-Control-Allow-Origin":      {origin},
		"Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers":    {"Retry-After"},
		"Vary":                             {"Origin"},
	}
	f := func(what string, a answer, status int, want http.Header) {
		t.Helper()
		got := a.header.Clone()
		if got.Get("Date") == "" {
			t.Errorf("%s: no date", what)
		}
		if got.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: browsers may guess what it is", what)
		}
		for _, name := range []string{"Date", "Connection", "Content-Length", "X-Content-Type-Options"} {
			got.Del(name)
		}
		if diff := cmp.Diff(want, got); diff != "" || a.status != status {
			t.Errorf("%s: status %d, want %d, headers (-want +got):\n%s", what, a.status, status, diff)
		}
	}
	plus := func(headers http.Header, more ...string) http.Header {
		headers = maps.Clone(headers)
		for i := 0; i < len(more); i += 2 {
			headers.Set(more[i], more[i+1])
		}
		return headers
	}
	good := "X-JWT-Token: " + token(t, nil)
	const from = "Origin: " + origin
	f("200", p.do("POST", "/count/k", "value=1", good), 200, http.Header{})
	f("200, browser", p.do("POST", "/count/k", "value=1", good, from), 200, cors)
	f("400, browser", p.do("POST", "/count/k", "value=x", good, from), 400, plus(cors, "Content-Type", "application/json"))
	f("401", p.do("POST", "/count/k", "value=1"), 401, http.Header{"Content-Type": {"application/json"}, "Www-Authenticate": {"Bearer"}})
	f("401, browser", p.do("POST", "/count/k", "value=1", from), 401, plus(cors, "Content-Type", "application/json", "Www-Authenticate", "Bearer"))
	f("403, browser", p.do("POST", "/count/k", "value=1", "X-JWT-Token: x", from), 403, plus(cors, "Content-Type", "application/json"))
	f("404, browser", p.do("POST", "/nope/k", "value=1", from), 404, plus(cors, "Content-Type", "application/json"))
	f("405, browser", p.do("GET", "/count/k", "", from), 405, plus(cors, "Content-Type", "application/json", "Allow", "POST"))
	f("413, browser", p.do("POST", "/count/k", string(make([]byte, 2<<20)), good, from), 413, plus(cors, "Content-Type", "application/json"))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", 2<<20, make([]byte, 2<<20))
	const chunked = "POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" + from + "\r\n"
	f("413, browser, chunks", p.raw("POST", chunked+good+"\r\n\r\n"+chunk), 413, plus(cors, "Content-Type", "application/json"))
	f("400, browser, chunks", p.raw("POST", chunked+good+"\r\n\r\nx"), 400, plus(cors, "Content-Type", "application/json"))
	f("408, browser", slow.raw("POST", "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n"+from+"\r\n"+good+"\r\n\r\nvalue="), 408, plus(cors, "Content-Type", "application/json"))
	f("200, browser, chunks", p.raw("POST", chunked+good+"\r\n\r\n0\r\n\r\n"), 200, cors)
	f("415, browser", p.do("POST", "/count/k", "x", good, from, "Content-Type: text/xml"), 415, plus(cors, "Content-Type", "application/json"))
	f("heartbeat", p.do("GET", "/heartbeat", ""), 200, http.Header{"Content-Type": {"text/plain; charset=utf-8"}})
	f("heartbeat, browser", p.do("GET", "/heartbeat", "", from), 200, plus(cors, "Content-Type", "text/plain; charset=utf-8"))
	f("null origin", p.do("POST", "/count/k", "value=1", good, "Origin: null"), 200, plus(cors, "Access-Control-Allow-Origin", "null"))

	preflight := []string{from, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type,x-jwt-token"}
	told := plus(cors,
		"Access-Control-Allow-Methods", "POST",
		"Access-Control-Allow-Headers", "X-JWT-Token, Authorization, Content-Type, Content-Encoding, X-Requested-With",
		"Access-Control-Max-Age", "86400")
	f("preflight", p.do("OPTIONS", "/count/k", "", preflight...), 204, told)
	f("preflight of a heartbeat", p.do("OPTIONS", "/heartbeat", "", preflight...), 204, plus(told, "Access-Control-Allow-Methods", "GET, HEAD"))
	f("preflight to nowhere", p.do("OPTIONS", "/nope", "", preflight...), 404, plus(cors, "Content-Type", "application/json"))
	f("no preflight", p.do("OPTIONS", "/count/k", "", from), 405, plus(cors, "Content-Type", "application/json", "Allow", "POST"))
	f("no browser", p.do("OPTIONS", "/count/k", "", preflight[1:]...), 405, http.Header{"Content-Type": {"application/json"}, "Allow": {"POST"}})
}
