package http2

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// openLarge writes the headers of a request whose head is two thirds of the free size. All but
// the first take a few bytes.
func (r *requestFrames) openLarge(endsStream bool, path string) (id uint32) {
	fields := []string{":method", "POST", ":scheme", "https", ":path", path}
	for range 3 {
		fields = append(fields, "x", strings.Repeat("x", freeHeads*2/9))
	}
	return r.headers(endsStream, fields...)
}

// TestHeadsOfWaitingStreamsAreBounded has connections open requests and send no body, while
// other connections have used up the memory for heads.
func TestHeadsOfWaitingStreamsAreBounded(t *testing.T) {
	s := newTestServer(t, new(discardSink))
	r := newRequestFrames()
	r.preface()
	free, refused := r.openLarge(false, "/count/k"), r.openLarge(false, "/count/k")
	_ = r.framer.WriteData(free, true, []byte("value=1"))
	freeAgain := r.openLarge(false, "/count/k")
	_ = r.framer.WriteData(freeAgain, true, []byte("value=1"))
	text := r.take()

	serve := func(used int64) *replies {
		t.Helper()
		s.heads.Store(used)
		c, out := newTestConn(s, &testInput{parts: [][]byte{text}})
		c.serve()
		checkStats(t, out.stats)
		if c.heads != 0 || s.heads.Load() != used {
			t.Errorf("after the end, %d bytes of heads count, and %d beyond them", c.heads, s.heads.Load()-used)
		}
		return readReplies(t, out.written.Bytes())
	}
	if got := serve(maxHeads); got.status[free] != "200" || got.status[refused] != "503" || got.status[freeAgain] != "200" {
		t.Errorf("without room: got %v", got.status)
	}
	if got := serve(0); got.status[free] != "200" || got.status[refused] != "" || got.status[freeAgain] != "200" {
		t.Errorf("with room: got %v", got.status)
	}
}

// TestManyConnectionsShareTheMemoryForHeads opens as many streams as it can on many connections.
func TestManyConnectionsShareTheMemoryForHeads(t *testing.T) {
	s := newTestServer(t, new(discardSink))
	r := newRequestFrames()
	r.preface()
	for range maxStreams {
		r.openLarge(false, "/count/k")
	}
	text := r.take()
	var conns []*conn
	sum := 0
	for range 64 {
		c, _ := newTestConn(s, &testInput{parts: [][]byte{text}})
		c.mu.Lock()
		err := c.readPreface()
		for err == nil {
			err = c.readFrame()
		}
		conns = append(conns, c)
		for _, st := range c.streams {
			if st.x != nil {
				sum += len(st.x.HeadBuffer)
			}
		}
	}
	if most := maxHeads + len(conns)*freeHeads; sum > most || sum < maxHeads/2 {
		t.Errorf("the heads of %d connections take %d bytes, want at most %d", len(conns), sum, most)
	}
	for _, c := range conns {
		c.close()
	}
	if used := s.heads.Load(); used != 0 {
		t.Errorf("%d bytes count after the end", used)
	}
}

// TestDelayIsLeftOutWithoutRoomForTheHead has two responses that would wait.
func TestDelayIsLeftOutWithoutRoomForTheHead(t *testing.T) {
	s := newTestServer(t, new(discardSink))
	s.options.Handler = delayHandler{}
	s.heads.Store(maxHeads)
	r := newRequestFrames()
	r.preface()
	var ids []uint32
	for range 2 {
		ids = append(ids, r.openLarge(true, "/slow"))
	}
	c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
	c.serve()
	if got := readReplies(t, out.written.Bytes()); got.status[ids[0]] != "" || got.status[ids[1]] != "200" {
		t.Errorf("before the delay is over: got %v", got.status)
	}
}

// TestPagesWithoutRoomForTheHeadAreRefused has two pages that run.
func TestPagesWithoutRoomForTheHeadAreRefused(t *testing.T) {
	page := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	testPages(t, page, func(t *testing.T, s *Server, c *pipeClient) {
		s.heads.Store(maxHeads)
		free, refused := c.openLarge(true, "/"), c.openLarge(true, "/")
		c.send()
		if got := c.replies(); got.status[refused] != "503" || got.status[free] != "" || got.errors() != "" {
			t.Errorf("got %v, errors %q", got.status, got.errors())
		}
		_ = c.framer.WriteRSTStream(free, http2.ErrCodeCancel)
		again := c.openLarge(true, "/")
		c.send()
		if got := c.replies(); got.status[again] != "" || got.errors() != "" {
			t.Errorf("after the first one has ended: got %v, errors %q", got.status, got.errors())
		}
	})
}
