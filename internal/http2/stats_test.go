package http2

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"
)

// TestUnfinishedRequestsAreCounted ends connections and streams before the response.
func TestUnfinishedRequestsAreCounted(t *testing.T) {
	f := func(name string, change func(s *Server), want int, write func(r *requestFrames)) {
		t.Helper()
		s := newTestServer(t, new(discardSink))
		change(s)
		r := newRequestFrames()
		r.preface()
		write(r)
		c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
		c.serve()
		if n := checkStats(t, out.stats); n != want {
			t.Errorf("%s: %d requests are counted, want %d", name, n, want)
		}
	}
	open := func(r *requestFrames) uint32 {
		return r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
	}
	none := func(*Server) {}
	f("the client is gone", none, 1, func(r *requestFrames) { open(r) })
	f("the client breaks the protocol", none, 2, func(r *requestFrames) {
		open(r)
		r.post("/count/k", "value=1")
		_ = r.framer.WriteRawFrame(http2.FramePing, 0, 0, nil)
	})
	pages := func(s *Server) {
		s.options.Handler = pageHandler(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	}
	f("a page is reset before it begins", pages, 0, func(r *requestFrames) {
		id := r.headers(true, ":method", "GET", ":scheme", "https", ":path", "/")
		_ = r.framer.WriteRSTStream(id, http2.ErrCodeCancel)
	})
}

// TestHandlerLearnsOfUnfinishedBodies ends streams in the middle of their bodies.
func TestHandlerLearnsOfUnfinishedBodies(t *testing.T) {
	s, log := newTestServer(t, new(discardSink)), &bodyLog{maxBody: testMaxBody}
	s.options.Handler = log
	r := newRequestFrames()
	r.preface()
	reset, open := r.open("/"), r.open("/")
	_ = r.framer.WriteData(reset, false, letters(3))
	_ = r.framer.WriteData(open, false, letters(600))
	_ = r.framer.WriteRSTStream(reset, http2.ErrCodeCancel)
	c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
	c.serve()
	if diff := cmp.Diff([]string{"3 error 400", "600 error 400"}, log.log); diff != "" {
		t.Errorf("the handler (-want +got):\n%s", diff)
	}
	if n, bytes := checkStats(t, out.stats), out.stats.Snapshot().BodyBytes; n != 2 || bytes != 603 {
		t.Errorf("%d requests with %d bytes are counted", n, bytes)
	}
}
