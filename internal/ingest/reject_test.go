package ingest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

func TestBadRequestsAreRejected(t *testing.T) {
	p := proxytest.Start(t)
	f := func(status int, method, target, body, message string, headers ...string) {
		t.Helper()
		p.Rejects(method+" "+target+" "+body, p.Do(method, target, body, headers...), status, message)
	}
	bad := func(target, body, message string) { t.Helper(); f(400, "POST", target, body, message) }
	bad("/count/k", "value=x", `parameter "value": "x" is not a number`)
	bad("/gauge/k", "", `parameter "value" is missing`)
	bad("/set/k", "value=", `parameter "value" is empty`)
	bad("/timing/k", "value=-1", "negative")
	bad("/count/k", "foo=1", `unknown parameter "foo"`)
	bad("/count/k", "shift=1", `parameter "shift"`)
	bad("/gauge/k", "value=1&sampleRate=0.5", `parameter "sampleRate"`)
	bad("/count/k?foo=1", "", `unknown parameter "foo"`)
	bad("/count/k", "value=1&value=2", "given twice")
	bad("/count/k", `{"value":1`, "breaks off")
	bad("/count/k", `{"value":1}{}`, "follows the object")
	bad("/count/k", `[{"value":1}]`, "unknown parameter")
	bad("/count/k", "tags=a", "key=value")
	bad("/count/", "value=1", "name is empty")
	bad("/count", "value=1", `parameter "metric" is missing`)
	bad("/count", "", `parameter "metric" is missing`)
	bad("/count", `{"metric":"","value":1}`, "name is empty")
	bad("/count", `{"metric":"a:b","value":1}`, "reserved character ':'")
	bad("/count", `{"metric":"a","metric_type":"count"}`, `unknown parameter "metric_type"`)
	bad("/count/k", "metric=k", `unknown parameter "metric"`)
	bad("/count/a//b", "value=1", "empty path segment")
	bad("/count/a/", "value=1", "empty path segment")
	bad("/count//a", "value=1", "empty path segment")
	bad("/count/a/../b", "value=1", `path segment ".."`)
	bad("/count/.", "value=1", `path segment "."`)
	bad("/count/%2e%2E", "value=1", `path segment ".."`)
	bad("/count/a%0Ab:1|c", "value=1", "control character U+000A")
	bad("/count/a%00", "value=1", "control character U+0000")
	bad("/count/a%ff", "value=1", "not valid UTF-8")
	bad("/count/a#b", "value=1", "reserved character '#'")
	bad("/count/a:b", "value=1", "reserved character ':'")
	bad("/count/"+strings.Repeat("n", 256), "value=1", "256 bytes")
	bad("/set/k", "value="+strings.Repeat("v", 1500), "does not fit")
	f(400, "POST", "/count/k", "--b", "no boundary", "Content-Type: multipart/form-data")

	f(404, "GET", "/", "", "no such route")
	f(404, "POST", "/histogram/k", "value=1", "the types are count, gauge, timing and set")
	f(404, "POST", "/batch/k", "", `unknown metric type "batch"`)
	f(404, "POST", "/batch/", "", `unknown metric type "batch"`)
	f(404, "POST", "/nonsense/k", "value=1", "the types are count, gauge, timing and set")
	f(404, "POST", "//count/k", "value=1", "no such route")
	f(404, "POST", "/Count/k", "value=1", "unknown metric type")
	f(404, "GET", "/heartbeat/", "", "unknown metric type")
	f(404, "POST", "/"+strings.Repeat("x", 1000)+"/k", "", strings.Repeat("x", 60)+`"…`)

	f(415, "POST", "/count/k", "<v>1</v>", "content type \"application/xml\"", "Content-Type: application/xml")
	f(415, "POST", "/count/k", "value=1", "content encoding \"br\"", "Content-Encoding: br")
	f(415, "POST", "/count/k", "value=1", "content encoding", "Content-Encoding: gzip, gzip")
	f(415, "POST", "/batch", "--b", "content type", "Content-Type: multipart/form-data; boundary=b")
}

// TestServerAsAWhole sends requests that are about the server and not about a route. They
// need no token.
func TestServerAsAWhole(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	const methods = "GET, HEAD, POST, PUT, OPTIONS"
	a := p.Do("OPTIONS", "*", "")
	if got := a.Header.Get("Allow"); a.Status != 204 || a.Body != "" || got != methods {
		t.Errorf("OPTIONS *: got %d with Allow: %s", a.Status, got)
	}
	for _, target := range []string{"proxy:443", "[::1]:443"} {
		a := p.Raw("CONNECT", "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n")
		if got := a.Header.Get("Allow"); a.Status != 405 || got != methods || !strings.Contains(a.Body, "CONNECT") {
			t.Errorf("CONNECT %s: got %d with Allow: %s: %s", target, a.Status, got, a.Body)
		}
	}
}

// TestBodyOfHTTP10NeedsALength sends a body that ends with the connection.
func TestBodyOfHTTP10NeedsALength(t *testing.T) {
	p := proxytest.Start(t)
	p.Rejects("no length", p.Raw("POST", "POST /count/k HTTP/1.0\r\n\r\n"), 411, "needs a Content-Length")
	p.Forwards("an empty body", p.Raw("POST", "POST /count/k?value=1 HTTP/1.0\r\nContent-Length: 0\r\n\r\n"), "k:1|c")
	p.Forwards("a body", p.Raw("POST", "POST /count/k HTTP/1.0\r\nContent-Length: 7\r\n\r\nvalue=1"), "k:1|c")
	if a := p.Raw("GET", "GET /heartbeat HTTP/1.0\r\n\r\n"); a.Status != 200 {
		t.Errorf("the heartbeat: got %d", a.Status)
	}
}

func TestBadEscapesAreRejected(t *testing.T) {
	p := proxytest.Start(t)
	for _, target := range []string{"/count/a%", "/count/a%2", "/count/a%zz"} {
		p.Rejects(target, p.Do("POST", target, "value=1"), 400, "percent sign")
	}
}

func TestWrongMethodGetsTheAllowedOnes(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	f := func(method, target, allow string) {
		t.Helper()
		a := p.Do(method, target, "")
		if method != "HEAD" {
			p.Rejects(method+" "+target, a, 405, method)
		}
		if got := a.Header.Get("Allow"); a.Status != 405 || got != allow {
			t.Errorf("%s %s: %d with Allow: %s, want 405 with %s", method, target, a.Status, got, allow)
		}
	}
	for _, method := range []string{"GET", "HEAD", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE", "post"} {
		f(method, "/count/k", "POST")
		f(method, "/count", "POST")
		f(method, "/batch", "POST, PUT")
	}
	f("PUT", "/count/k", "POST")
	for _, method := range []string{"POST", "PUT", "OPTIONS"} {
		f(method, "/heartbeat", "GET, HEAD")
	}
}

func TestHeartbeatNeedsNoToken(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	if a := p.Do("GET", "/heartbeat?x=1", ""); a.Status != 200 || a.Body != "OK" {
		t.Errorf("GET: got %d %q", a.Status, a.Body)
	}
	if a := p.Do("HEAD", "/heartbeat", ""); a.Status != 200 || a.Body != "" || a.Header.Get("Content-Length") != "2" {
		t.Errorf("HEAD: got %d %q %v", a.Status, a.Body, a.Header)
	}
}

func TestChecksHaveAFixedOrder(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens, func(o *proxytest.Options) { o.MaxBody = 100 })
	good := "X-JWT-Token: " + proxytest.Token(t, nil)
	const bad, xml = "X-JWT-Token: x", "Content-Type: text/xml"
	for _, large := range []string{strings.Repeat("x", 101), strings.Repeat("x", 2<<20)} {
		f := func(status int, method, target, body string, headers ...string) {
			t.Helper()
			p.Rejects(method+" "+target, p.Do(method, target, body, headers...), status, "")
			if body != large {
				return
			}
			expect := append([]string{"Expect: 100-continue"}, headers...)
			p.Rejects(method+" "+target+" expecting", p.Do(method, target, body, expect...), status, "")
			if status == 413 && slices.Contains(headers, xml) {
				status = 415 // the size of chunks is known after the type
			}
			chunked := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
				method, target, strings.Join(append(headers, "X-Y: z"), "\r\n"), len(body), body)
			p.Rejects(method+" "+target+" in chunks", p.Raw(method, chunked), status, "")
		}
		f(404, "PUT", "/nonsense/k", large, bad, xml)
		f(405, "PUT", "/count/k", large, bad, xml)
		f(401, "POST", "/count/k", large, xml)
		f(403, "POST", "/count/k", large, bad, xml)
		f(413, "POST", "/count/k", large, good, xml)
		f(413, "POST", "/count/a//b", large, good)
		f(415, "POST", "/count/a//b", "{", good, xml)
		f(400, "POST", "/count/a//b", "{", good)
	}
}

func TestFullQueueAsksToRetry(t *testing.T) {
	p := proxytest.Start(t)
	p.Sink.Fail(errors.New("the send queue is full"))
	a := p.Do("POST", "/count/k", "value=1", "Origin: https://shop.example")
	p.Rejects("full queue", a, 503, "the send queue is full")
	if got := a.Header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After: %q, want 1", got)
	}
}
