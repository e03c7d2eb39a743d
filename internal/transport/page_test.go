package transport_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/proxytest"
)

func withPages(f http.HandlerFunc) func(*proxytest.Options) {
	return func(o *proxytest.Options) { o.Pages = f }
}

func TestPagesAreServedWhereThereIsNoRoute(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens, withPages(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if r.URL.Path == "/none" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String())
	}))
	f := func(method, target string, status int, body string) {
		t.Helper()
		a := p.Do(method, target, "")
		if a.Status != status || a.Body != body || !a.Closes {
			t.Errorf("%s %s: got %d %q, closes: %v, want %d %q", method, target, a.Status, a.Body, a.Closes, status, body)
		}
		want := http.Header{"Content-Type": {"text/plain"}, "Date": a.Header["Date"]}
		if diff := cmp.Diff(want, a.Header); diff != "" {
			t.Errorf("%s %s: headers (-want +got):\n%s", method, target, diff)
		}
	}
	f("GET", "/", 200, "GET /")
	f("GET", "/some/file.js?v=1", 200, "GET /some/file.js?v=1")
	f("HEAD", "/", 200, "")
	f("GET", "/none", 404, "GET /none")

	p.Rejects("a route of the interface", p.Do("GET", "/count/k", ""), 405, "GET")
	p.Rejects("a POST", p.Do("POST", "/", ""), 404, "no such route")
	p.Rejects("malformed", p.Do("GET", "/%zz", ""), 400, "URL")
	if a := p.Do("GET", "/heartbeat", ""); a.Body != "OK" {
		t.Errorf("the heartbeat: %q", a.Body)
	}
}

func TestPageStreamsUntilTheShutdown(t *testing.T) {
	p := proxytest.Start(t, withPages(func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "more")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		_, _ = io.WriteString(w, "end")
	}))
	conn := p.Dial()
	if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	begin := make([]byte, len("moremoremore"))
	if _, err := io.ReadFull(response.Body, begin); err != nil || string(begin) != "moremoremore" {
		t.Fatalf("got %q, %v", begin, err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "end" {
		t.Errorf("at the end: got %q, %v", rest, err)
	}
}

// TestPageEndsWithItsClient closes the connection while the page streams.
func TestPageEndsWithItsClient(t *testing.T) {
	for name, change := range map[string]func(*proxytest.Options){
		"plain": func(*proxytest.Options) {}, "TLS": func(o *proxytest.Options) { o.GetCertificate = proxytest.SelfSigned },
	} {
		begun, ended := make(chan struct{}), make(chan struct{})
		p := proxytest.Start(t, change, withPages(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			close(ended)
		}))
		conn := p.Dial()
		if p.Options.GetCertificate != nil {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-begun
		conn.Close()
		select {
		case <-ended:
		case <-time.After(proxytest.Timeout):
			t.Errorf("%s: the page does not end", name)
		}
	}
}

// TestPagesGetNoHeaderFields checks what a page learns about its request.
func TestPagesGetNoHeaderFields(t *testing.T) {
	requests := make(chan *http.Request, 1)
	p := proxytest.Start(t, withPages(func(_ http.ResponseWriter, r *http.Request) { requests <- r }))
	conn := p.Dial()
	p.RoundTrip(conn, "GET", "GET /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nX: y\r\n\r\nz")
	r := <-requests
	if r.Method != "GET" || r.URL.String() != "/a?b=c" || r.RemoteAddr != conn.LocalAddr().String() || len(r.Header) > 0 || r.Body != http.NoBody {
		t.Errorf("the request is %s %s from %s with %v", r.Method, r.URL, r.RemoteAddr, r.Header)
	}
	if !r.ProtoAtLeast(1, 1) || r.ProtoAtLeast(1, 2) || r.Proto != "HTTP/1.1" {
		t.Errorf("the protocol is %s, %d.%d", r.Proto, r.ProtoMajor, r.ProtoMinor)
	}
}

// TestPageWritesItsStatusOnce checks what a client gets of statuses that come too late, and
// that the request is counted once.
func TestPageWritesItsStatusOnce(t *testing.T) {
	f := func(method string, page http.HandlerFunc, wantStatus int, wantBody string) {
		t.Helper()
		p := proxytest.Start(t, withPages(page))
		a := p.Do(method, "/", "")
		if a.Status != wantStatus || a.Body != wantBody {
			t.Errorf("%s: got %d %q, want %d %q", method, a.Status, a.Body, wantStatus, wantBody)
		}
		p.Stats().Requests.Requests(func(route exchange.Route, code int, n uint64) {
			if isCounted := route == exchange.RouteOther && code == wantStatus; n > 1 || (n == 1) != isCounted {
				t.Errorf("%s: %d responses of the route %s with the status %d", method, n, route, code)
			}
		})
	}
	late := func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "text")
		w.WriteHeader(http.StatusNotFound)
	}
	twice := func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		w.WriteHeader(http.StatusOK)
		if n, err := io.WriteString(w, "text"); n != len("text") || err != nil {
			t.Errorf("wrote %d bytes, %v", n, err)
		}
	}
	silent := func(http.ResponseWriter, *http.Request) {}
	f("GET", late, 200, "text")
	f("GET", twice, 404, "text")
	f("HEAD", twice, 404, "")
	f("GET", silent, 200, "")
}

func TestPanicOfAPageCostsOneRequest(t *testing.T) {
	p := proxytest.Start(t, withPages(func(http.ResponseWriter, *http.Request) { panic("out of paper") }))
	conn := p.Dial()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	p.EndsSilently(conn)
	p.Forwards("another request", p.Do("POST", "/count/k", "value=1"), "k:1|c")
	if !strings.Contains(p.Log.String(), "out of paper") {
		t.Errorf("the log does not report it: %s", p.Log)
	}
}
