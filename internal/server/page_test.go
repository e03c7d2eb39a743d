package server

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func withPages(f http.HandlerFunc) func(*Options) {
	return func(o *Options) { o.Pages = f }
}

func TestPagesAreServedBesideTheInterface(t *testing.T) {
	p := start(t, withTokens, withPages(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		if r.URL.Path == "/none" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, r.Method+" "+r.URL.String())
	}))
	f := func(method, target string, status int, body string) {
		t.Helper()
		a := p.do(method, target, "")
		if a.status != status || a.body != body || !a.closes {
			t.Errorf("%s %s: got %d %q, closes: %v, want %d %q", method, target, a.status, a.body, a.closes, status, body)
		}
		want := http.Header{"Content-Type": {"text/plain"}, "Date": a.header["Date"]}
		if diff := cmp.Diff(want, a.header); diff != "" {
			t.Errorf("%s %s: headers (-want +got):\n%s", method, target, diff)
		}
	}
	f("GET", "/", 200, "GET /")
	f("GET", "/some/file.js?v=1", 200, "GET /some/file.js?v=1")
	f("HEAD", "/", 200, "")
	f("GET", "/none", 404, "GET /none")

	p.refuses("a route of the interface", p.do("GET", "/count/k", ""), 405, "GET")
	p.refuses("not for pages", p.do("POST", "/", ""), 404, "no such route")
	p.refuses("malformed", p.do("GET", "/%zz", ""), 400, "URL")
	if a := p.do("GET", "/heartbeat", ""); a.body != "OK" {
		t.Errorf("the heartbeat says %q", a.body)
	}
}

// TestPageMayGoOn streams until the server stops.
func TestPageMayGoOn(t *testing.T) {
	p := start(t, withPages(func(w http.ResponseWriter, r *http.Request) {
		for range 3 {
			_, _ = io.WriteString(w, "more")
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		_, _ = io.WriteString(w, "end")
	}))
	conn := p.dial()
	if _, err := io.WriteString(conn, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(newReader(conn), nil)
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

// TestPageEndsWithItsClient: a stream is not kept for one that has left.
func TestPageEndsWithItsClient(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"plain": func(*Options) {}, "TLS": func(o *Options) { o.GetCertificate = selfSigned },
	} {
		begun, ended := make(chan struct{}), make(chan struct{})
		p := start(t, change, withPages(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			<-r.Context().Done()
			close(ended)
		}))
		conn := p.dial()
		if p.options.GetCertificate != nil {
			conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		}
		if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		<-begun
		conn.Close()
		select {
		case <-ended:
		case <-time.After(deadline):
			t.Errorf("%s: the page goes on", name)
		}
	}
}

func TestFaultyPageCostsOneRequest(t *testing.T) {
	p := start(t, withPages(func(http.ResponseWriter, *http.Request) { panic("out of paper") }))
	conn := p.dial()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	silently(t, conn)
	p.forwards("another request", p.do("POST", "/count/k", "value=1"), "k:1|c")
	if !strings.Contains(p.log.String(), "out of paper") {
		t.Errorf("the log is silent: %s", p.log)
	}
}
