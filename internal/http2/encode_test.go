package http2

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// responseHandler answers the requests of a connection with responses, one after the other.
type responseHandler struct{ left []exchange.Response }

func (h *responseHandler) Begin(x *exchange.Exchange) bool {
	body := append(x.Response.Body, h.left[0].Body...)
	x.Response, h.left = h.left[0], h.left[1:]
	x.Response.Body = body
	return false
}

func (*responseHandler) Serve(*exchange.Exchange) {}

// serveResponses has a connection send responses to requests with a method.
func serveResponses(t *testing.T, method string, settings []http2.Setting, responses ...exchange.Response) *replies {
	t.Helper()
	s := newTestServer(t, new(discardSink))
	s.options.Handler = &responseHandler{responses}
	r := newRequestFrames()
	r.preface(settings...)
	for range responses {
		r.headers(true, ":method", method, ":scheme", "https", ":path", "/")
	}
	c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
	c.serve()
	checkStats(t, out.stats)
	checkFrames(t, out.written.Bytes())
	return readReplies(t, out.written.Bytes())
}

// TestHeadsOfResponses sends responses that differ in one thing from the one before, which may
// be encoded already. Each is sent twice.
func TestHeadsOfResponses(t *testing.T) {
	var responses []exchange.Response
	var wants [][]string
	f := func(r exchange.Response, want ...string) {
		head := []string{fmt.Sprintf(":status: %d", r.Status), "date: Sat, 01 Jan 2000 00:00:00 GMT", "x-content-type-options: nosniff"}
		for range 2 {
			responses, wants = append(responses, r), append(wants, append(head[:len(head):len(head)], want...))
		}
	}
	const (
		credentials = "access-control-allow-credentials: true"
		expose      = "access-control-expose-headers: Retry-After"
		methods     = "access-control-allow-methods: POST"
		headers     = "access-control-allow-headers: "
		maxAge      = "access-control-max-age: 86400"
		origin      = "access-control-allow-origin: "
	)
	shop, blog := []byte("https://shop.example"), []byte("https://blog.example")
	f(exchange.Response{Status: 200})
	f(exchange.Response{Status: 404})
	f(exchange.Response{Status: 200, Body: []byte("OK")}, "content-length: 2")
	f(exchange.Response{Status: 200, Body: []byte("0123456789")}, "content-length: 10")
	f(exchange.Response{Status: 200, ContentType: "text/plain"}, "content-type: text/plain")
	f(exchange.Response{Status: 200, ContentType: "application/json"}, "content-type: application/json")
	f(exchange.Response{Status: 200, VariesByOrigin: true}, "vary: Origin")
	f(exchange.Response{Status: 200, VariesByOrigin: true, AllowedOrigin: shop}, "vary: Origin", credentials, expose, origin+string(shop))
	f(exchange.Response{Status: 200, VariesByOrigin: true, AllowedOrigin: blog}, "vary: Origin", credentials, expose, origin+string(blog))
	f(exchange.Response{Status: 204, AllowedMethods: "POST"}, methods, headers+exchange.DefaultHeaders, maxAge)
	f(exchange.Response{Status: 204, AllowedMethods: "POST", AllowedHeaders: []byte("x-a")}, methods, maxAge, headers+"x-a")
	f(exchange.Response{Status: 204, AllowedMethods: "POST", AllowedHeaders: []byte("x-b")}, methods, maxAge, headers+"x-b")
	f(exchange.Response{Status: 204, AllowedMethods: "POST"}, methods, headers+exchange.DefaultHeaders, maxAge)
	f(exchange.Response{Status: 503, Header: "Retry-After", Value: "1"}, "retry-after: 1")
	f(exchange.Response{Status: 503, Header: "Retry-After", Value: "2"}, "retry-after: 2")
	f(exchange.Response{Status: 503, Header: "Allow", Value: "2"}, "allow: 2")
	f(exchange.Response{Status: 200, Fields: []exchange.Field{{Name: "ETag", Value: "a"}, {Name: "Age", Value: "1"}}}, "etag: a", "age: 1")
	f(exchange.Response{Status: 200, Fields: []exchange.Field{{Name: "ETag", Value: "b"}}}, "etag: b")
	f(exchange.Response{Status: 200})
	synctest.Test(t, func(t *testing.T) { // the time stands still at the beginning of 2000
		got := serveResponses(t, "GET", nil, responses...)
		for i, want := range wants {
			id := uint32(2*i + 1)
			if diff := cmp.Diff(want, got.heads[id]); diff != "" {
				t.Errorf("response %d: the head (-want +got):\n%s", i, diff)
			}
			if body := got.body[id]; body != string(responses[i].Body) || !got.ended[id] {
				t.Errorf("response %d: got the body %q, ended %t", i, body, got.ended[id])
			}
		}
	})
}

// TestResponsesWithoutABody sends responses whose body is left out.
func TestResponsesWithoutABody(t *testing.T) {
	f := func(method string, status int, want string) {
		t.Helper()
		got := serveResponses(t, method, nil, exchange.Response{Status: status, Body: []byte("text")})
		length := got.heads[1][len(got.heads[1])-1]
		if got.body[1] != want || length != "content-length: 4" || !got.ended[1] {
			t.Errorf("%s: %d: got the body %q, %s, ended %t, want %q", method, status, got.body[1], length, got.ended[1], want)
		}
	}
	f(http.MethodGet, 200, "text")
	f(http.MethodGet, 404, "text")
	f(http.MethodHead, 200, "")
	f(http.MethodHead, 404, "")
	f(http.MethodGet, 204, "")
	f(http.MethodGet, 304, "")
}

// TestFirstHeadSaysThatThereIsNoTable reads the first bytes of header blocks.
func TestFirstHeadSaysThatThereIsNoTable(t *testing.T) {
	var e headEncoder
	e.init()
	e.begin(true)
	e.add(":status", "200")
	if got := fmt.Sprintf("%x", e.block); got != "2088" {
		t.Errorf("the first head begins with %s", got)
	}
	e.begin(false)
	e.add(":status", "404")
	if got := fmt.Sprintf("%x", e.block); got != "8d" {
		t.Errorf("the second head begins with %s", got)
	}
}

// TestLongResponsesAreSplit sends a head and a body that fit in no frame. A client may allow
// larger frames than the proxy sends.
func TestLongResponsesAreSplit(t *testing.T) {
	text := strings.Repeat("#", 3*maxFrame) // HPACK does not shorten it
	for _, allowed := range []uint32{maxFrame, 2 * maxFrame} {
		settings := []http2.Setting{{ID: http2.SettingMaxFrameSize, Val: allowed}}
		got := serveResponses(t, "GET", settings, exchange.Response{
			Status: 200, Body: []byte(text), Fields: []exchange.Field{{Name: "x", Value: text}},
		}, exchange.Response{Status: 204})
		if len(got.heads[1]) != 5 || got.heads[1][3] != "x: "+text || got.body[1] != text || !got.ended[1] {
			t.Errorf("got %d fields, a body of %d bytes, ended %t", len(got.heads[1]), len(got.body[1]), got.ended[1])
		}
		if got.status[3] != "204" {
			t.Errorf("the next response is %q", got.status[3])
		}
	}
}
