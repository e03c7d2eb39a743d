package transport_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/transport"
)

// Limits of the proxy.
const (
	maxStreams = 128      // open requests of a connection over HTTP/2
	maxBodies  = 32 << 20 // bytes of all bodies together
)

func TestClientsChooseTheVersionOfHTTP(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	f := func(want string, offered ...string) {
		t.Helper()
		conn := tls.Client(p.Dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: offered})
		if err := conn.Handshake(); err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().NegotiatedProtocol; got != want {
			t.Errorf("offered %q, the proxy chose %q, want %q", offered, got, want)
		}
	}
	f("h2", "h2")
	f("h2", "http/1.1", "h2")
	f("http/1.1", "http/1.1")
	f("", []string{}...)
}

func TestStreamsAreServedSideBySide(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	c := p.DialHTTP2()
	if got := c.Settings[http2.SettingMaxConcurrentStreams]; got != maxStreams {
		t.Fatalf("the proxy allows %d open streams, want %d", got, maxStreams)
	}
	var waiting []uint32
	for range maxStreams {
		waiting = append(waiting, c.Open("POST", "/count/k", false))
	}
	if a := c.Response(c.Open("POST", "/count/k", true)); a.Status != -1 {
		t.Errorf("one stream too many: got %d %s", a.Status, a.Body)
	}
	// The last stream does not wait for the first one.
	for len(waiting) > 0 {
		last := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		c.Send(last, "value=1", true)
		p.Forwards("in reverse order", c.Response(last), "k:1|c")
	}
	p.Forwards("there is room again", c.Response(c.Open("POST", "/count/k", true)), "k:0|c")
}

func TestHeadOverHTTP2MayTake16KiB(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	c := p.DialHTTP2()
	pad := func(n int) string { return strings.Repeat("x", n) }
	room := exchange.MaxHead - len("POST /count/k?token= HTTP/1.1\r\nHost: proxy\r\nX: \r\n\r\n")
	f := func(token, header string) proxytest.Response {
		t.Helper()
		return c.Response(c.Open("POST", "/count/k?token="+token, true, "x", header))
	}
	p.Forwards("long headers", f("", pad(room)), "k:0|c")
	p.Forwards("long URL", f(pad(room), ""), "k:0|c")
	p.Rejects("headers too long", f("", pad(room+1)), 431, "16 KiB")
	p.Rejects("URL too long", f(pad(exchange.MaxHead), ""), 414, "16 KiB")
	var many []string
	for range 1000 {
		many = append(many, "x", pad(30))
	}
	p.Rejects("many headers", c.Response(c.Open("POST", "/count/k", true, many[:2*500]...)), 431, "16 KiB")
	if log := p.Log.String(); strings.Count(log, ` rejected"`) != strings.Count(log, "client=127.0.0.1") {
		t.Errorf("the log does not name the clients:\n%s", log)
	}

	if a := c.Response(c.Open("POST", "/count/k", true, many...)); a.Status != 431 {
		t.Errorf("headers of 60 KiB: %d %s", a.Status, a.Body)
	}
	p.Forwards("the connection goes on", f("", ""), "k:0|c")
	_, _ = c.TryOpen("POST", "/count/k", true, "x", pad(1<<20))
	c.ReadToEnd()
	if c.GoAway == nil {
		t.Errorf("headers of 1 MiB: %v", c.Err)
	}
}

func TestHTTP2ConnectionsAreLimited(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) { o.Conns = limit.NewConns(2, 0, nil) })
	first, second := p.DialHTTP2(), p.DialHTTP2()
	for _, c := range []*proxytest.HTTP2Client{first, second} {
		if a := c.Do("GET", "/heartbeat", ""); a.Status != 200 {
			t.Fatalf("a connection within the limit: %d", a.Status)
		}
	}
	if _, err := tls.Dial("tcp", p.Address, &tls.Config{InsecureSkipVerify: true}); err == nil {
		t.Error("a connection beyond the limit is served")
	}
	second.Conn.Close()
	proxytest.Poll(t, func() bool { return p.CountConns(transport.StateActive) == 1 })
	if a := p.DialHTTP2().Do("GET", "/heartbeat", ""); a.Status != 200 {
		t.Errorf("after a connection was closed: %d", a.Status)
	}
}

func TestPagesAreServedOverHTTP2(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) { o.WriteTimeout = 100 * time.Millisecond }, withPages(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/faulty":
			panic("out of paper")
		case "/events":
			for range 3 {
				_, _ = io.WriteString(w, "more")
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			}
			<-r.Context().Done()
		}
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String())
	}))
	c := p.DialHTTP2()
	if a := c.Do("GET", "/some/file.js?v=1", ""); a.Status != 200 || a.Body != "GET /some/file.js?v=1" {
		t.Errorf("got %d %q", a.Status, a.Body)
	}
	p.Rejects("a route of the interface", c.Do("GET", "/count/k", ""), 405, "GET")
	if a := c.Do("GET", "/faulty", ""); a.Status != -1 {
		t.Errorf("a page that panics: %d", a.Status)
	}
	if !strings.Contains(p.Log.String(), "out of paper") {
		t.Errorf("the log does not report it: %s", p.Log)
	}
	// A page may take longer than the write timeout.
	id := c.Open("GET", "/events", true)
	for c.Received(id) != "moremoremore" {
		c.MustRead()
	}
	for begin := time.Now(); time.Since(begin) < 300*time.Millisecond; {
		if a := c.Do("GET", "/heartbeat", ""); a.Body != "OK" {
			t.Errorf("the heartbeat: %q", a.Body)
		}
	}
	var shut sync.WaitGroup
	shut.Go(func() { _ = p.Shutdown(t.Context()) })
	if a := c.Response(id); a.Body != "moremoremoreGET /events" {
		t.Errorf("got %d %q", a.Status, a.Body)
	}
	c.Conn.Close()
	shut.Wait()
}

// TestForbiddenHTTP2IsRejected sends requests that break RFC 9113. The connection goes on.
func TestForbiddenHTTP2IsRejected(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	c := p.DialHTTP2()
	f := func(status int, method, target string, headers ...string) {
		t.Helper()
		if a := c.Response(c.Open(method, target, true, headers...)); a.Status != status {
			t.Errorf("%s %s %q: got %d %s, want %d", method, target, headers, a.Status, a.Body, status)
		}
		if sent := p.Sink.Take(); (sent != nil) != (status == 200) {
			t.Errorf("%s %s %q: sent %q", method, target, headers, sent)
		}
	}
	const isReset = -1
	for _, target := range []string{"/count/a%", "/count/a%zz", "/count/a b"} {
		f(400, "POST", target)
	}
	for _, target := range []string{"count/k", "", "/count/a\x01b"} {
		f(isReset, "POST", target)
	}
	f(isReset, "", "/count/k")
	f(isReset, "CONNECT", "/count/k")
	f(isReset, "POST", "/count/k", "X-Upper", "case")
	f(isReset, "POST", "/count/k", "x", "a\nb")
	f(isReset, "POST", "/count/k", ":path", "/count/l")
	for _, header := range []string{"connection", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"} {
		f(400, "POST", "/count/k", header, "x")
	}
	f(400, "POST", "/count/k", "te", "gzip")
	f(400, "POST", "/count/k", "x-jwt-token", "token ")
	f(200, "POST", "/count/k", "te", "trailers")
	f(400, "POST", "/count/k", "host", "other")
	f(417, "POST", "/count/k", "expect", "other")
	f(204, "OPTIONS", "*")
	for _, target := range []string{"*", "http:///count/k", "ftp://y/count/k", "http://u@y/count/k", "http://y:99999/count/k"} {
		f(400, "POST", target)
	}
	authority := func(text string) []string {
		return []string{":method", "POST", ":scheme", "https", ":authority", text, ":path", "/count/k"}
	}
	for _, text := range []string{"u@y", "u:p@y", "y:99999", "[::1", "y\\", "%zz", "\xc3\xa4"} {
		id := c.OpenFields(authority(text)...)
		if a := c.Response(id); a.Status != 400 && a.Status != isReset {
			t.Errorf("the authority %q: got %d %s", text, a.Status, a.Body)
		}
	}
	if a := c.Response(c.OpenFields(authority("[::1]:443")...)); a.Status != 200 {
		t.Errorf("an IPv6 authority: got %d %s", a.Status, a.Body)
	}
	p.Sink.Take()
	p.Forwards("the connection goes on", c.Do("POST", "/count/k", "value=1"), "k:1|c")
}

func TestPanicCostsOneStream(t *testing.T) {
	proxytest.OverHTTP2 = true
	defer func() { proxytest.OverHTTP2 = false }()
	TestPanicCostsOneRequest(t)
}

// TestHTTP2AuthorityIsAHost sends what no Host field may hold over HTTP/1 either.
func TestHTTP2AuthorityIsAHost(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	c := p.DialHTTP2()
	for _, c.Authority = range []string{"\xc3\xa4.example", "h\xff", "h/x"} {
		if a := c.Do("POST", "/count/k", "value=1"); a.Status != 400 || p.Sink.Take() != nil {
			t.Errorf("%q: got %d %s, want 400", c.Authority, a.Status, a.Body)
		}
	}
	for _, c.Authority = range []string{"h:443", "[::1]:443", "shop.example"} {
		p.Forwards(c.Authority, c.Do("POST", "/count/k", "value=1"), "k:1|c")
	}
}

// TestPagesOfAConnectionAreBounded opens pages that do not end.
func TestPagesOfAConnectionAreBounded(t *testing.T) {
	const maxPages = 32
	p := proxytest.Start(t, proxytest.WithTLS, withPages(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	c := p.DialHTTP2()
	for range maxPages {
		c.Open("GET", "/events", true)
	}
	if a := c.Do("GET", "/events", ""); a.Status != 503 || a.Header.Get("Retry-After") != "1" || !strings.Contains(a.Body, "too many pages") {
		t.Errorf("one page too many: got %d %v %s, want 503", a.Status, a.Header, a.Body)
	}
	p.Stats().Requests.Requests(func(route exchange.Route, code int, n uint64) {
		if code == 503 && (n == 1) != (route == exchange.RouteOther) {
			t.Errorf("%d requests of the route %s with the status 503 are counted, want the page only", n, route)
		}
	})
	p.Forwards("a metric", c.Do("POST", "/count/k", "value=1"), "k:1|c")
	c.Conn.Close()
}
