package http2

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// pageHandler answers each request with a page, but /quick at once.
type pageHandler http.HandlerFunc

func (h pageHandler) Begin(x *exchange.Exchange) bool {
	if string(x.Request.Path()) == "/quick" {
		return false
	}
	x.Response.Page = http.HandlerFunc(h)
	x.Response.PageURL, _ = url.Parse(string(x.Request.Bytes(x.Request.Target)))
	return false
}

func (pageHandler) Serve(*exchange.Exchange) {}

// testPages runs a test in a bubble, with a client of a server that answers with a page.
func testPages(t *testing.T, page http.HandlerFunc, test func(t *testing.T, s *Server, c *pipeClient)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, new(discardSink))
		s.options.Handler = pageHandler(page)
		c := dialPipe(t, s)
		c.preface()
		test(t, s, c)
	})
}

func TestPageWritesItsResponse(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "GET" && r.Method != "HEAD" || r.URL.String() != "/page?x=1" || r.RemoteAddr != "192.0.2.1:1234" || r.Proto != "HTTP/2.0" || r.ProtoMajor != 2 {
			panic(r)
		}
		w.Header().Set("X-Page", "yes")
		w.WriteHeader(http.StatusNotFound)
		w.WriteHeader(http.StatusOK) // comes too late
		for _, text := range []string{"some ", strings.Repeat("x", 8<<10), " text"} {
			if n, err := io.WriteString(w, text); n != len(text) || err != nil {
				panic(err)
			}
		}
	}
	body := "some " + strings.Repeat("x", 8<<10) + " text"
	testPages(t, page, func(t *testing.T, _ *Server, c *pipeClient) {
		get := c.get("/page?x=1")
		head := c.headers(true, ":method", "HEAD", ":scheme", "https", ":path", "/page?x=1")
		c.send()
		got := c.replies()
		want := []string{":status: 404", "date: Sat, 01 Jan 2000 00:00:00 GMT", "x-page: yes"}
		for _, id := range []uint32{get, head} {
			if diff := cmp.Diff(want, got.heads[id]); diff != "" {
				t.Errorf("the head (-want +got):\n%s", diff)
			}
			if !got.ended[id] {
				t.Errorf("stream %d has not ended", id)
			}
		}
		if got.body[get] != body || got.body[head] != "" || got.errors() != "" {
			t.Errorf("got %d bytes, want %d, %d for HEAD, errors %q", len(got.body[get]), len(body), len(got.body[head]), got.errors())
		}
		if n := c.requests(); len(n) != 1 || n[404] != 2 {
			t.Errorf("the requests that are counted: %v", n)
		}
	})
}

// TestEmptyPageIsAResponse has a page that writes nothing.
func TestEmptyPageIsAResponse(t *testing.T) {
	testPages(t, func(http.ResponseWriter, *http.Request) {}, func(t *testing.T, _ *Server, c *pipeClient) {
		id := c.get("/")
		c.send()
		if got := c.replies(); got.status[id] != "200" || got.body[id] != "" || !got.ended[id] || got.errors() != "" {
			t.Errorf("got %q %q, ended %t, errors %q", got.status[id], got.body[id], got.ended[id], got.errors())
		}
	})
}

// TestPanicOfAPageResetsItsStream has a page panic before it writes, and afterwards.
func TestPanicOfAPageResetsItsStream(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, "text")
			w.(http.Flusher).Flush()
		}
		panic("fault")
	}
	testPages(t, page, func(t *testing.T, s *Server, c *pipeClient) {
		faults := make(chan any, 2)
		s.options.LogPanic = func(fault any) { faults <- fault }
		early, late := c.get("/early"), c.get("/late")
		c.send()
		next := c.get("/quick")
		c.send()
		got := c.replies()
		if got.errors() != "1: INTERNAL_ERROR, 3: INTERNAL_ERROR" || got.status[early] != "" || got.body[late] != "text" || got.status[next] != "200" {
			t.Errorf("got %v, %q, errors %q", got.status, got.body[late], got.errors())
		}
		if len(faults) != 2 || <-faults != "fault" {
			t.Errorf("%d panics are logged", len(faults))
		}
		if n := c.requests(); n[200] != 2 { // the late one and the next one
			t.Errorf("the requests that are counted: %v", n)
		}
	})
}

// TestPageEndsWithItsStream ends streams whose pages wait for that.
func TestPageEndsWithItsStream(t *testing.T) {
	f := func(name, want string, end func(c *pipeClient, id uint32, stop func())) {
		t.Helper()
		after := make(chan error, 1)
		page := func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "text")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			_, _ = io.WriteString(w, "more")
			after <- http.NewResponseController(w).Flush()
		}
		testPages(t, page, func(t *testing.T, s *Server, c *pipeClient) {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			s.options.Stopping = ctx
			id := c.get("/")
			c.send()
			time.Sleep(5 * time.Minute) // a page has no timeout
			if got := c.replies(); got.body[id] != "text" || got.ended[id] || len(after) > 0 {
				t.Fatalf("%s: before, got %q, ended %t", name, got.body[id], got.ended[id])
			}
			end(c, id, stop)
			got := c.replies()
			if got.body[id] != want || got.errors() != "" {
				t.Errorf("%s: got %q, errors %q", name, got.body[id], got.errors())
			}
			if err := <-after; (want == "text") != errors.Is(err, errStreamEnded) {
				t.Errorf("%s: the page can write: %v", name, err)
			}
			if n, seconds := c.requests(), c.stats.Snapshot().Seconds; n[200] != 1 || seconds != 300 {
				t.Errorf("%s: the requests that are counted: %v, %v s", name, n, seconds)
			}
		})
	}
	f("the proxy stops", "textmore", func(_ *pipeClient, _ uint32, stop func()) { stop() })
	f("the client resets it", "text", func(c *pipeClient, id uint32, _ func()) {
		_ = c.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		c.send()
	})
	f("the client is gone", "text", func(c *pipeClient, _ uint32, _ func()) { _ = c.conn.Close() })
}

// TestPagesHaveALimit opens one page too many.
func TestPagesHaveALimit(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	testPages(t, page, func(t *testing.T, _ *Server, c *pipeClient) {
		for range maxPages {
			c.get("/")
		}
		c.send()
		if got := c.replies(); len(got.status) > 0 || got.errors() != "" {
			t.Errorf("with %d pages: got %v, errors %q", maxPages, got.status, got.errors())
		}
		quick := c.get("/quick")
		refused := c.get("/")
		c.send()
		if got := c.replies(); got.status[refused] != "503" || !got.ended[refused] || got.status[quick] != "200" || got.errors() != "" {
			t.Errorf("with a page more: got %v, errors %q", got.status, got.errors())
		}
		if n := c.requests(); n[503] != 1 {
			t.Errorf("the requests that are counted: %v", n)
		}
	})
}

// TestPageEndsBeforeTheBody has a client that does not end its request.
func TestPageEndsBeforeTheBody(t *testing.T) {
	page := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "text") }
	testPages(t, page, func(t *testing.T, _ *Server, c *pipeClient) {
		id, other := c.open("/"), c.open("/")
		c.send()
		if got := c.replies(); got.body[id] != "text" || !got.ended[id] || got.errors() != "" {
			t.Errorf("got %q, ended %t, errors %q", got.body[id], got.ended[id], got.errors())
		}
		_ = c.framer.WriteData(other, true, []byte("x"))
		c.send()
		time.Sleep(discardTime)
		if got := c.replies(); got.errors() != "1: NO_ERROR" {
			t.Errorf("got the errors %q", got.errors())
		}
	})
}
