package http1

import (
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/exchange"
)

// TestResponsesAreWritten compares whole responses.
func TestResponsesAreWritten(t *testing.T) {
	const date = "Fri, 27 Nov 2026 20:00:00 GMT"
	f := func(method string, isHTTP10, keepAlive bool, idleTimeout string, r exchange.Response, want string) {
		t.Helper()
		q := exchange.Request{Head: []byte(method), Method: exchange.Span{End: uint16(len(method))}, IsHTTP10: isHTTP10}
		got := AppendResponse([]byte("before "), &q, &r, date, keepAlive, idleTimeout)
		if want = "before " + strings.ReplaceAll(want, "\n", "\r\n"); string(got) != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	const always = "Date: " + date + "\nX-Content-Type-Options: nosniff\n"
	f("POST", false, true, "timeout=60", exchange.Response{Status: 200}, "HTTP/1.1 200 OK\n"+always+"Content-Length: 0\nKeep-Alive: timeout=60\n\n")
	f("POST", false, true, "", exchange.Response{Status: 200}, "HTTP/1.1 200 OK\n"+always+"Content-Length: 0\n\n")
	f("POST", false, false, "timeout=60", exchange.Response{Status: 200}, "HTTP/1.1 200 OK\n"+always+"Content-Length: 0\nConnection: close\n\n")
	f("POST", true, true, "timeout=60", exchange.Response{Status: 200}, "HTTP/1.1 200 OK\n"+always+"Content-Length: 0\nConnection: keep-alive\n\n")
	f("POST", true, false, "timeout=60", exchange.Response{Status: 200}, "HTTP/1.1 200 OK\n"+always+"Content-Length: 0\nConnection: close\n\n")

	body := exchange.Response{Status: 404, ContentType: "text/plain", Body: []byte("no such route")}
	f("GET", false, true, "", body, "HTTP/1.1 404 Not Found\n"+always+"Content-Type: text/plain\nContent-Length: 13\n\nno such route")
	f("HEAD", false, true, "", body, "HTTP/1.1 404 Not Found\n"+always+"Content-Type: text/plain\nContent-Length: 13\n\n")
	f("GET", false, true, "", exchange.Response{Status: 304, Header: "ETag", Value: `"a"`}, "HTTP/1.1 304 Not Modified\n"+always+"ETag: \"a\"\n\n")

	preflight := exchange.Response{Status: 204, VariesByOrigin: true, AllowedOrigin: []byte("https://shop.example"), AllowedMethods: "POST", AllowedHeaders: []byte("X-A, X-B")}
	const cors = always + "Vary: Origin\nAccess-Control-Allow-Credentials: true\nAccess-Control-Expose-Headers: Retry-After\nAccess-Control-Allow-Methods: POST\n"
	f("OPTIONS", false, true, "", preflight, "HTTP/1.1 204 No Content\n"+cors+"Access-Control-Max-Age: 86400\nAccess-Control-Allow-Origin: https://shop.example\nAccess-Control-Allow-Headers: X-A, X-B\n\n")
	preflight.AllowedHeaders = nil
	f("OPTIONS", false, true, "", preflight, "HTTP/1.1 204 No Content\n"+cors+"Access-Control-Allow-Headers: "+exchange.DefaultHeaders+
		"\nAccess-Control-Max-Age: 86400\nAccess-Control-Allow-Origin: https://shop.example\n\n")
}

func TestIdleTimeoutIsInWholeSeconds(t *testing.T) {
	for timeout, want := range map[time.Duration]string{
		0: "", time.Second: "", 3*time.Second - 1: "", 3 * time.Second: "timeout=3", 4*time.Second - 1: "timeout=3", 75 * time.Second: "timeout=75",
	} {
		if got := IdleTimeout(timeout); got != want {
			t.Errorf("%s: got %q, want %q", timeout, got, want)
		}
	}
}

func TestStatusLinesNameTheStatus(t *testing.T) {
	for status, want := range map[int]string{200: "HTTP/1.1 200 OK\r\n", 204: "HTTP/1.1 204 No Content\r\n", 503: "HTTP/1.1 503 Service Unavailable\r\n"} {
		if got := StatusLine(status); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if want := "HTTP/1.1 100 Continue\r\n\r\n"; Continue != want {
		t.Errorf("got %q, want %q", Continue, want)
	}
}
