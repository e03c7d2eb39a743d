package exchange

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestHeadersOfResponses(t *testing.T) {
	f := func(r Response, want ...string) {
		t.Helper()
		var got []string
		r.WriteHeaders(func(name, value string) { got = append(got, name+": "+value) })
		if diff := cmp.Diff(append([]string{"X-Content-Type-Options: nosniff"}, want...), got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	f(Response{Status: 200})
	f(Response{ContentType: "text/plain", Body: []byte("OK")}, "Content-Type: text/plain")
	f(Response{VariesByOrigin: true}, "Vary: Origin")
	f(Response{VariesByOrigin: true, AllowedOrigin: []byte("o")}, "Vary: Origin", "Access-Control-Allow-Credentials: true", "Access-Control-Expose-Headers: Retry-After")
	f(Response{AllowedMethods: "POST, PUT"}, "Access-Control-Allow-Methods: POST, PUT",
		"Access-Control-Allow-Headers: X-JWT-Token, Authorization, Content-Type, Content-Encoding, X-Requested-With", "Access-Control-Max-Age: 86400")
	f(Response{AllowedMethods: "POST", AllowedHeaders: []byte("X")}, "Access-Control-Allow-Methods: POST", "Access-Control-Max-Age: 86400")
	f(Response{Header: "Allow", Value: "POST", Fields: []Field{{"ETag", "a"}, {"Cache-Control", "b"}}}, "Allow: POST", "ETag: a", "Cache-Control: b")
}

// TestErrorReplacesResponse checks that nothing of the response before an error is sent,
// except for what it says about origins.
func TestErrorReplacesResponse(t *testing.T) {
	r := Response{
		Status: 204, ContentType: "text/html", Body: []byte("body"), VariesByOrigin: true, AllowedOrigin: []byte("o"), AllowedMethods: "POST", AllowedHeaders: []byte("X"),
		Header: "ETag", Value: "a", Fields: []Field{{"A", "b"}}, Delay: 1, Page: http.NotFoundHandler(), PageURL: new(url.URL),
	}
	r.SetError(&HTTPError{Status: 403, Message: `the token "` + "\xff" + `" is bad`, Header: "Retry-After", Value: "1", Delay: time.Second})
	want := Response{
		Status: 403, ContentType: "application/json", Body: []byte(`{"error":"the token \"` + "\ufffd" + `\" is bad"}`), VariesByOrigin: true, AllowedOrigin: []byte("o"),
		Header: "Retry-After", Value: "1", Delay: time.Second,
	}
	if diff := cmp.Diff(want, r); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestErrors(t *testing.T) {
	f := func(got *HTTPError, want HTTPError) {
		t.Helper()
		if got == nil || *got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	f(NewError(404, "a"), HTTPError{Status: 404, Message: "a"})
	f(Busy("a"), HTTPError{Status: 503, Message: "a", Header: "Retry-After", Value: "1"})
	for wait, seconds := range map[time.Duration]string{0: "0", 1: "1", time.Second: "1", time.Second + 1: "2", 90 * time.Second: "90"} {
		f(Limited("a", wait), HTTPError{Status: 429, Message: "a", Header: "Retry-After", Value: seconds})
	}
	f(BodyTooLarge(100), HTTPError{Status: 413, Message: "the body is larger than 100 bytes"})
	for _, herr := range []*HTTPError{HeadTooLong, TargetTooLong} {
		if want := strconv.Itoa(MaxHead>>10) + " KiB"; !strings.Contains(herr.Message, want) || MaxHead != 16<<10 {
			t.Errorf("%q does not name %s", herr.Message, want)
		}
	}
	f(Malformed("a"), HTTPError{Status: 400, Message: "the request is not well-formed HTTP: a"})
}

func TestDelayEndsWithTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := func(wait, cancelAfter, want time.Duration) {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), cancelAfter)
			defer cancel()
			start := time.Now()
			Delay(ctx, wait)
			if got := time.Since(start); got != want {
				t.Errorf("Delay(%s), canceled after %s, took %s", wait, cancelAfter, got)
			}
		}
		f(time.Second, time.Hour, time.Second)
		f(1, time.Hour, 1)
		f(0, time.Hour, 0)
		f(-time.Second, time.Hour, 0)
		f(time.Hour, time.Second, time.Second)
	})
}

func TestDatesChangeEachSecond(t *testing.T) {
	var d Dates
	zone := time.FixedZone("", 3600)
	f := func(now time.Time, want string) {
		t.Helper()
		for range 2 {
			if got := d.At(now); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
	}
	f(time.Date(2026, 11, 27, 21, 0, 0, 0, zone), "Fri, 27 Nov 2026 20:00:00 GMT")
	f(time.Date(2026, 11, 27, 20, 0, 0, 999_999_999, time.UTC), "Fri, 27 Nov 2026 20:00:00 GMT")
	f(time.Date(2026, 11, 27, 20, 0, 1, 0, time.UTC), "Fri, 27 Nov 2026 20:00:01 GMT")
	f(time.Date(2026, 11, 27, 19, 59, 59, 0, time.UTC), "Fri, 27 Nov 2026 19:59:59 GMT")
}

// TestExchangesAreReusedEmpty uses exchanges again and again. Each must be as a new one,
// except for its memory.
func TestExchangesAreReusedEmpty(t *testing.T) {
	peer := netip.MustParseAddr("10.0.0.1")
	for i := range 20 {
		x := Acquire(peer)
		if len(x.HeadBuffer) > 0 || len(x.Output) > 0 || len(x.Response.Body) > 0 || len(x.Request.ForwardedFor) > 0 {
			t.Fatalf("buffers are not empty")
		}
		got := *x
		got.HeadBuffer, got.Output, got.Response.Body, got.Request.ForwardedFor, got.Local = nil, nil, nil, nil, nil
		want := Exchange{Request: Request{Peer: peer}, Response: Response{Status: 200}}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Fatalf("use %d (-want +got):\n%s", i, diff)
		}
		x.Request = Request{
			Head: []byte("head"), Method: Span{1, 2}, Target: Span{1, 2}, Origin: Span{1, 2}, ForwardedFor: []Span{{1, 2}}, BodyLength: 5, HasLength: true, IsHTTP10: true,
			WantsClose: true, WantsContinue: true, BadExpectation: true, Peer: netip.MustParseAddr("::1"),
		}
		x.Response = Response{Status: 404, ContentType: "a", Body: []byte("body")[:0], VariesByOrigin: true, AllowedMethods: "b", Header: "c", Fields: []Field{{}}, Delay: 1}
		x.HeadErr, x.BodyErr, x.Route, x.MaxBody, x.Body, x.BodyReceived = BadHost, BodyTooShort, RouteBatch, 7, []byte("body"), 4
		x.Release()
		if x.Request.Head != nil || x.Body != nil {
			t.Error("Release keeps the memory of the request")
		}
	}
}

func TestReleaseKeepsSmallBuffers(t *testing.T) {
	for size, isKept := range map[int]bool{1: true, 8 << 10: true, 8<<10 + 1: false} {
		x := new(Exchange)
		x.HeadBuffer, x.Output, x.Response.Body = make([]byte, 0, size), make([]byte, 0, size), make([]byte, 0, size)
		x.Release()
		for i, buffer := range [][]byte{x.HeadBuffer, x.Output, x.Response.Body} {
			if (buffer != nil) != isKept {
				t.Errorf("buffer %d of %d bytes is kept: %v", i, size, buffer != nil)
			}
		}
	}
}

func TestRequestParts(t *testing.T) {
	f := func(method, target, origin, preflightMethod, wantPath string, wantPreflight bool) {
		t.Helper()
		var q Request
		add := func(text string) Span {
			start := len(q.Head)
			q.Head = append(q.Head, text...)
			return Span{uint16(start), uint16(len(q.Head))}
		}
		q.Method, q.Target, q.Origin, q.PreflightMethod = add(method), add(target), add(origin), add(preflightMethod)
		if string(q.Path()) != wantPath || q.IsPreflight() != wantPreflight || !q.IsMethod(method) || q.IsMethod(strings.ToLower(method)) {
			t.Errorf("%s %s: the path is %q, preflight %v", method, target, q.Path(), q.IsPreflight())
		}
	}
	f("OPTIONS", "/a", "https://a", "POST", "/a", true)
	f("POST", "/a", "https://a", "POST", "/a", false)
	f("OPTIONS", "/a", "", "POST", "/a", false)
	f("OPTIONS", "/a", "https://a", "", "/a", false)
	f("GET", "/a/b?token=c?d", "", "", "/a/b", false)
	f("GET", "/?", "", "", "/", false)
}
