package http2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// getFields are the pseudo-header fields of a request, without :authority.
var getFields = []string{":method", "GET", ":scheme", "https", ":path", "/heartbeat"}

// with returns fields followed by others.
func with(fields []string, others ...string) []string {
	return append(append([]string(nil), fields...), others...)
}

// TestFieldsAreChecked sends requests with good fields and bad ones. A malformed request has no
// response or, where its sender can do something about it, a response before the reset.
func TestFieldsAreChecked(t *testing.T) {
	const reset = "PROTOCOL_ERROR"
	// The body of a response is a part of the error's message.
	f := func(wantStatus, wantBody, wantReset string, fields ...string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.headers(true, fields...)
		// The same block again is known, if it is good.
		again := r.headers(true, fields...)
		next := r.headers(true, getFields...)
		got, _ := serveAll(t, r.take())
		for _, id := range []uint32{id, again} {
			code, isReset := got.reset[id]
			if got.status[id] != wantStatus || !strings.Contains(got.body[id], wantBody) || isReset != (wantReset != "") || isReset && code.String() != wantReset {
				t.Errorf("%q: got %q %q, reset %v, want %q %q, reset %q", fields, got.status[id], got.body[id], got.reset, wantStatus, wantBody, wantReset)
			}
		}
		if got.status[next] != "200" {
			t.Errorf("%q: the next request got %q, GOAWAY %v", fields, got.status[next], got.goAway)
		}
	}
	ok := func(others ...string) { t.Helper(); f("200", "OK", "", with(getFields, others...)...) }
	malformed := func(fields ...string) { t.Helper(); f("", "", reset, fields...) }
	rejected := func(message string, fields ...string) { t.Helper(); f("400", message, "", fields...) }

	// Pseudo-header fields come first, once, and all of them.
	malformed(getFields[2:]...)
	malformed(with(getFields[:2], getFields[4:]...)...)
	malformed(getFields[:4]...)
	malformed(with(getFields, ":method", "GET")...)
	malformed(with(getFields, ":scheme", "https")...)
	malformed(with(getFields, ":path", "/heartbeat")...)
	malformed(with(getFields, ":authority", "h", ":authority", "h")...)
	malformed(with(getFields, ":status", "200")...)
	malformed(with(getFields, "x", "y", ":authority", "h")...)
	malformed(with(getFields, ":authority", " h")...)
	malformed(with(getFields, ":authority", "h\t")...)
	malformed(with(getFields, ":authority", "h\x00")...)
	malformed(":method", "G T", ":scheme", "https", ":path", "/heartbeat")
	malformed(":method", "", ":scheme", "https", ":path", "/heartbeat")
	malformed(":method", "GET", ":scheme", "ftp", ":path", "/heartbeat")
	malformed(":method", "GET", ":scheme", "https", ":path", "")
	malformed(":method", "GET", ":scheme", "https", ":path", "heartbeat")
	f("200", "OK", "", ":method", "GET", ":scheme", "http", ":path", "/heartbeat")
	f("204", "", "", ":method", "OPTIONS", ":scheme", "https", ":path", "*")

	// :path has a form that the method allows.
	const badPath = "its :path is not the path of a URL"
	rejected(badPath, ":method", "GET", ":scheme", "https", ":path", "*")
	rejected(badPath, ":method", "GET", ":scheme", "https", ":path", "ftp://h/heartbeat")
	rejected(badPath, ":method", "GET", ":scheme", "https", ":path", "/heart beat")
	rejected(badPath, ":method", "GET", ":scheme", "https", ":path", "/heart\tbeat")
	f("404", "unknown metric type", "", ":method", "GET", ":scheme", "https", ":path", "/heart")

	// Names and values of other fields.
	ok("x", "y", "a!#$%&'*+-.^_`|~09z", "z")
	ok("x", "")
	ok("x", "a\tb c\xff\x80")
	malformed(with(getFields, "X", "y")...)
	malformed(with(getFields, "xAx", "y")...)
	malformed(with(getFields, "xZ", "y")...)
	malformed(with(getFields, "x y", "y")...)
	malformed(with(getFields, "x:", "y")...)
	malformed(with(getFields, "", "y")...)
	malformed(with(getFields, "x", "a\nb")...)
	malformed(with(getFields, "x", "a\x1f")...)
	malformed(with(getFields, "x", "a\x7f")...)

	// Fields that HTTP/2 forbids, and blanks, are answered.
	const forbidden = "a header that HTTP/2 forbids"
	for _, name := range []string{"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te"} {
		f("400", forbidden, reset, with(getFields, name, "x")...)
	}
	ok("te", "trailers")
	for _, value := range []string{" y", "y ", "\ty", "y\t", " "} {
		f("400", "begins or ends with a blank", reset, with(getFields, "x", value)...)
	}
	// An error that HTTP/1 has, too, comes first.
	f("400", "Content-Length", reset, with(getFields, "te", "gzip", "content-length", "x", "host", "a b")...)
}

// TestHostsAreChecked sends :authority and Host.
func TestHostsAreChecked(t *testing.T) {
	f := func(want string, fields ...string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.headers(true, with(getFields, fields...)...)
		got, _ := serveAll(t, r.take())
		if got.status[id] != want || got.errors() != "" || want == "400" != strings.Contains(got.body[id], exchange.BadHost.Message) {
			t.Errorf("%q: got %q %q, want %q", fields, got.status[id], got.body[id], want)
		}
	}
	f("200")
	f("200", ":authority", "shop.example:443")
	f("200", ":authority", "")
	f("200", "host", "shop.example")
	f("200", ":authority", "shop.example", "host", "Shop.Example")
	f("200", ":authority", "", "host", "shop.example")
	f("400", ":authority", "shop.example", "host", "other.example")
	f("400", ":authority", "shop.example", "host", "")
	f("400", ":authority", "user@shop.example")
	f("400", ":authority", ":80")
	f("400", "host", "shop.example", "host", "shop.example")
	f("400", ":authority", "shop.example", "host", "shop.example", "host", "shop.example")
	f("400", "host", "a b")
}

// TestConnectIsChecked sends CONNECT, which has :authority as its target.
func TestConnectIsChecked(t *testing.T) {
	f := func(want string, fields ...string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.headers(true, fields...)
		got, _ := serveAll(t, r.take())
		if code, isReset := got.reset[id]; got.status[id] != want || isReset != (want == "") || isReset && code != http2.ErrCodeProtocol {
			t.Errorf("%q: got %q, reset %v, want %q", fields, got.status[id], got.reset, want)
		}
	}
	f("405", ":method", "CONNECT", ":authority", "h:80")
	f("400", ":method", "CONNECT", ":authority", "")
	f("400", ":method", "CONNECT", ":authority", "a@h:80")
	f("", ":method", "CONNECT")
	f("", ":method", "CONNECT", ":authority", "h:80", ":scheme", "https")
	f("", ":method", "CONNECT", ":authority", "h:80", ":path", "/")
}

// TestLengthsAreChecked sends Content-Length, and bodies that differ from it.
func TestLengthsAreChecked(t *testing.T) {
	const reset = http2.ErrCodeProtocol
	f := func(want string, wantReset bool, parts []string, lengths ...string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		var fields []string
		for _, length := range lengths {
			fields = append(fields, "content-length", length)
		}
		id := r.open("/count/k", fields...)
		for i, part := range parts {
			_ = r.framer.WriteData(id, i == len(parts)-1, []byte(part))
		}
		next := r.post("/count/k", "value=1")
		got, _ := serveAll(t, r.take())
		if code, isReset := got.reset[id]; got.status[id] != want || isReset != wantReset || isReset && code != reset {
			t.Errorf("%q of %q bytes: got %q, reset %v, want %q, %t", parts, lengths, got.status[id], got.reset, want, wantReset)
		}
		if got.status[next] != "200" {
			t.Errorf("%q of %q bytes: the next request got %q", parts, lengths, got.status[next])
		}
	}
	f("200", false, []string{"value=1"})
	f("200", false, []string{"value=1"}, "7")
	f("200", false, []string{"val", "ue=1"}, "7")
	f("200", false, []string{"value=1", ""}, "7")
	f("400", true, []string{"value=1"}, "8")
	f("400", true, []string{"val", "ue=1"}, "8")
	f("400", true, []string{"value=1", ""}, "8")
	f("400", true, []string{"value=1"}, "6")
	f("400", true, []string{"value=1", "2"}, "7")
	f("400", true, []string{"value=1", "2", "3"}, "7")
	f("200", false, []string{""}, "0")
	f("400", true, []string{"v"}, "0")
	f("400", true, []string{"", "v"}, "0")
	f("400", false, []string{"value=1"}, "x")
	f("400", false, []string{"value=1"}, "7", "7")
	f("400", true, []string{"value=1"}, "7", "8")
}

// TestHeadsHaveALimit sends heads that are as large as they may be, and one byte larger.
func TestHeadsHaveALimit(t *testing.T) {
	f := func(want string, size int, fields ...string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		for i, field := range fields {
			fields[i] = strings.ReplaceAll(field, "*", strings.Repeat("x", size))
		}
		id := r.headers(true, fields...)
		next := r.headers(true, getFields...)
		got, _ := serveAll(t, r.take())
		if got.status[id] != want || got.status[next] != "200" || got.errors() != "" {
			t.Errorf("%d bytes: got %q, want %q; the next request got %q; errors %q", size, got.status[id], want, got.status[next], got.errors())
		}
	}
	// As over HTTP/1, the request line and the name and value of each field count.
	first := len("GET /heartbeat HTTP/1.1\r\nHost: \r\n\r\n")
	size := exchange.MaxHead - first - len("x: \r\n")
	f("200", size, with(getFields, "x", "*")...)
	f("431", size+1, with(getFields, "x", "*")...)
	f("200", size-1, with(getFields, ":authority", "h", "x", "*")...)
	f("431", size, with(getFields, ":authority", "h", "x", "*")...)
	f("431", size-1, with(getFields, "x", "*", "xx", "")...)
	size = exchange.MaxHead - first - len("?")
	f("200", size, ":method", "GET", ":scheme", "https", ":path", "/heartbeat?*")
	f("414", size+1, ":method", "GET", ":scheme", "https", ":path", "/heartbeat?*")
}
