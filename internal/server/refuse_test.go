package server

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestBadRequestsAreRefused(t *testing.T) {
	p := start(t)
	f := func(status int, method, target, body, message string, headers ...string) {
		t.Helper()
		p.refuses(method+" "+target+" "+body, p.do(method, target, body, headers...), status, message)
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
	f(404, "OPTIONS", "*", "", "no such route")
	f(404, "POST", "/"+strings.Repeat("x", 1000)+"/k", "", strings.Repeat("x", 60)+`"…`)

	f(415, "POST", "/count/k", "<v>1</v>", "content type \"application/xml\"", "Content-Type: application/xml")
	f(415, "POST", "/count/k?value=1", "", "content type", "Content-Type: application/octet-stream")
	f(415, "POST", "/count/k", "value=1", "content encoding \"br\"", "Content-Encoding: br")
	f(415, "POST", "/count/k", "value=1", "content encoding", "Content-Encoding: gzip, gzip")
	f(415, "POST", "/batch", "--b", "content type", "Content-Type: multipart/form-data; boundary=b")
}

// TestBadEscapesAreRefused: over HTTP/2 net/http resets their streams.
func TestBadEscapesAreRefused(t *testing.T) {
	p := start(t)
	for _, target := range []string{"/count/a%", "/count/a%2", "/count/a%zz"} {
		p.refuses(target, p.do("POST", target, "value=1"), 400, "percent sign")
	}
}

func TestWrongMethodIsToldTheRightOnes(t *testing.T) {
	p := start(t, withTokens)
	f := func(method, target, allow string) {
		t.Helper()
		a := p.do(method, target, "")
		if method != "HEAD" {
			p.refuses(method+" "+target, a, 405, method)
		}
		if got := a.header.Get("Allow"); a.status != 405 || got != allow {
			t.Errorf("%s %s: %d with Allow: %s, want 405 with %s", method, target, a.status, got, allow)
		}
	}
	for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE", "post"} {
		f(method, "/count/k", "POST")
		f(method, "/count", "POST")
		f(method, "/batch", "POST")
	}
	for _, method := range []string{"POST", "PUT", "OPTIONS"} {
		f(method, "/heartbeat", "GET, HEAD")
	}
}

func TestHeartbeatNeedsNoToken(t *testing.T) {
	p := start(t, withTokens)
	if a := p.do("GET", "/heartbeat?x=1", ""); a.status != 200 || a.body != "OK" {
		t.Errorf("GET: got %d %q", a.status, a.body)
	}
	if a := p.do("HEAD", "/heartbeat", ""); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "2" {
		t.Errorf("HEAD: got %d %q %v", a.status, a.body, a.header)
	}
}

func TestTokenIsFoundInEachPlace(t *testing.T) {
	p := start(t, withTokens)
	good, bad := token(t, nil), token(t, nil)+"x"
	f := func(target string, headers ...string) {
		t.Helper()
		p.forwards(strings.Join(headers, " "), p.do("POST", target, "value=1", headers...), "k:1|c")
	}
	f("/count/k", "X-JWT-Token: "+good)
	f("/count/k", "x-jwt-token: "+good)
	f("/count/k", "Authorization: Bearer "+good)
	f("/count/k", "Authorization: bEARER   "+good)
	f("/count/k?token=" + good)
	f("/count/k?token=" + strings.ReplaceAll(good, ".", "%2E"))
	f("/count/k?token="+good, "X-JWT-Token: ", "Authorization: ")
	f("/count/k?token="+good, "Authorization: Basic dTpw")
	f("/count/k?token="+bad, "X-JWT-Token: "+good, "Authorization: Bearer "+bad)
	f("/count/k?token="+bad, "Authorization: Bearer "+good)
	p.forwards("query alone", p.do("POST", "/count/k?value=3&token="+good, ""), "k:3|c")

	missing := func(target string, headers ...string) {
		t.Helper()
		a := p.do("POST", target, "value=1", headers...)
		p.refuses(target+strings.Join(headers, " "), a, 401, "token is missing")
		if got := a.header.Get("WWW-Authenticate"); got != "Bearer" {
			t.Errorf("WWW-Authenticate: %q, want Bearer", got)
		}
	}
	missing("/count/k")
	missing("/count/k?token=")
	missing("/count/k", "X-JWT-Token: ")
	missing("/count/k", "Authorization: Bearer")
	missing("/count/k", "Authorization: "+good)
	missing("/count/k", "Cookie: token="+good)

	wrong := func(message, target string, headers ...string) {
		t.Helper()
		a := p.do("POST", target, "value=1", headers...)
		p.refuses(message, a, 403, message)
		if strings.Contains(a.body, bad) {
			t.Errorf("the answer repeats the token: %s", a.body)
		}
	}
	wrong("malformed", "/count/k", "X-JWT-Token: nonsense")
	wrong("malformed", "/count/k?token=%zz")
	wrong("bad signature", "/count/k?token="+good, "X-JWT-Token: "+bad)
	wrong("expired", "/count/k", "X-JWT-Token: "+token(t, jwt.MapClaims{"exp": 1}))
	wrong("not valid yet", "/count/k", "X-JWT-Token: "+token(t, jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}))
}

func TestVerdictsFallInOrder(t *testing.T) {
	p := start(t, withTokens, func(o *Options) { o.MaxBody = 100 })
	good := "X-JWT-Token: " + token(t, nil)
	const bad, xml = "X-JWT-Token: x", "Content-Type: text/xml"
	for _, large := range []string{strings.Repeat("x", 101), strings.Repeat("x", 2<<20)} {
		f := func(status int, method, target, body string, headers ...string) {
			t.Helper()
			p.refuses(method+" "+target, p.do(method, target, body, headers...), status, "")
			if body != large {
				return
			}
			expect := append([]string{"Expect: 100-continue"}, headers...)
			p.refuses(method+" "+target+" expecting", p.do(method, target, body, expect...), status, "")
			if status == 413 && slices.Contains(headers, xml) {
				status = 415 // the size of chunks is known last
			}
			chunked := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n%s\r\n\r\n%x\r\n%s\r\n0\r\n\r\n",
				method, target, strings.Join(append(headers, "X-Y: z"), "\r\n"), len(body), body)
			p.refuses(method+" "+target+" in chunks", p.raw(method, chunked), status, "")
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

func TestBodyMayBeAsLargeAsTheLimit(t *testing.T) {
	p := start(t, func(o *Options) { o.MaxBody = 30_000 })
	body := `{"value":1` + strings.Repeat(" ", 30_000-11) + "}"
	p.forwards("at the limit", p.do("POST", "/count/k", body), "k:1|c")
	p.refuses("above the limit", p.do("POST", "/count/k", body+" "), 413, "30000 bytes")
	p.forwards("expecting", p.raw100(body), "k:1|c")
}

// raw100 sends a body as curl does: only after the server said to go on.
func (p *proxy) raw100(body string) answer {
	p.t.Helper()
	conn := p.dial()
	fmt.Fprintf(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", len(body))
	reader := newReader(conn)
	if a := p.read(reader, "POST"); a.status != 100 {
		p.t.Fatalf("got %d, want 100", a.status)
	}
	if _, err := conn.Write([]byte(body)); err != nil {
		p.t.Fatal(err)
	}
	return p.read(reader, "POST")
}

func TestHeadMayTake16KiB(t *testing.T) {
	p := start(t)
	const head = "POST /count/k?token=%s HTTP/1.1\r\nHost: h\r\nX: %s\r\n\r\n"
	room := 16<<10 - len(fmt.Sprintf(head, "", ""))
	pad := func(n int) string { return strings.Repeat("x", n) }
	p.forwards("long headers", p.raw("POST", fmt.Sprintf(head, "", pad(room))), "k:0|c")
	p.forwards("long URL", p.raw("POST", fmt.Sprintf(head, pad(room), "")), "k:0|c")
	p.refuses("headers too long", p.raw("POST", fmt.Sprintf(head, "", pad(room+1))), 431, "16 KiB")
	p.refuses("headers far too long", p.raw("POST", fmt.Sprintf(head, "", pad(1<<20))), 431, "16 KiB")
	p.refuses("URL too long", p.raw("POST", fmt.Sprintf(head, pad(16<<10), "")), 414, "16 KiB")
	p.refuses("URL far too long", p.raw("POST", fmt.Sprintf(head, pad(1<<20), "")), 414, "16 KiB")

	// On a connection that was used before, too.
	conn := p.dial()
	if _, err := conn.Write([]byte(fmt.Sprintf(head, "", ""))); err != nil {
		t.Fatal(err)
	}
	reader := newReader(conn)
	p.forwards("first", p.read(reader, "POST"), "k:0|c")
	go conn.Write([]byte(fmt.Sprintf(head, pad(1<<20), "")))
	p.refuses("second", p.read(reader, "POST"), 414, "16 KiB")
}

func TestMalformedHTTPIsRefused(t *testing.T) {
	p := start(t)
	for _, request := range []string{ // see also TestAttacks
		"nonsense\r\n\r\n",
		"POST /count/k\r\n\r\n",
		"POST /count/k HTTP/1.1\r\n\r\n", // no host
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n",
		"POST /count/a b HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /count/a\x00b HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST count/k HTTP/1.1\r\nHost: h\r\n\r\n",
	} {
		p.refuses(request, p.raw("POST", request), 400, "not well-formed HTTP")
	}
}

func TestBusyServerAsksToTryAgain(t *testing.T) {
	p := start(t)
	p.sink.fault = errors.New("the send queue is full")
	a := p.do("POST", "/count/k", "value=1", "Origin: https://shop.example")
	p.refuses("full queue", a, 503, "the send queue is full")
	if got := a.header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After: %q, want 1", got)
	}
}
