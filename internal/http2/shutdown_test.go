package http2

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// beginShutdown begins the shutdown.
func (s *Server) beginShutdown() {
	s.options.Draining.Store(true)
	s.Shutdown()
	synctest.Wait()
}

// wantGoAway checks the last stream IDs of the GOAWAY frames, which have no error.
func (c *pipeClient) wantGoAway(when string, want ...uint32) {
	c.t.Helper()
	got := c.replies()
	if !slices.Equal(got.lastIDs, want) {
		c.t.Errorf("%s: GOAWAY names the streams %v, want %v", when, got.lastIDs, want)
	}
	for _, code := range got.goAway {
		if *code != http2.ErrCodeNo {
			c.t.Errorf("%s: GOAWAY has the error %v", when, *code)
		}
	}
}

func TestShutdownOfIdleConnections(t *testing.T) {
	testDelays(t, func(t *testing.T, s *Server, c *pipeClient) {
		other := dialPipe(t, s)
		other.preface()
		other.post("/quick", "x")
		other.post("/quick", "x")
		other.send()
		s.Shutdown() // changes nothing before it has begun
		c.wantGoAway("before")
		start := time.Now()
		s.beginShutdown()
		c.wantGoAway("at once", maxStreamID)
		s.Shutdown()
		c.wantGoAway("a second time", maxStreamID)
		time.Sleep(time.Second - time.Millisecond)
		c.wantGoAway("before the end of the grace", maxStreamID)
		if c.ended() {
			t.Error("the connection ends before the grace")
		}
		time.Sleep(time.Millisecond)
		c.wantGoAway("after the grace", maxStreamID, 0)
		other.wantGoAway("after the grace", maxStreamID, 3)
		for _, client := range []*pipeClient{c, other} {
			if !client.ended() || !client.lingers || client.endedAt.Sub(start) != time.Second {
				t.Errorf("it ends %t after %v, lingers %t", client.ended(), client.endedAt.Sub(start), client.lingers)
			}
		}
		if len(s.conns) != 0 {
			t.Errorf("%d connections are open", len(s.conns))
		}
	})
}

// TestShutdownFinishesRequests has a request that is open beyond the grace, and others that come
// in and after it.
func TestShutdownFinishesRequests(t *testing.T) {
	testDelays(t, func(t *testing.T, s *Server, c *pipeClient) {
		open := c.open("/quick")
		c.send()
		s.beginShutdown()
		within := c.post("/quick", "x")
		c.send()
		time.Sleep(time.Second)
		c.wantGoAway("after the grace", maxStreamID, within)
		late := c.post("/quick", "x")
		c.send()
		c.wantGoAway("after another request", maxStreamID, within)
		time.Sleep(time.Second)
		if c.ended() {
			t.Fatal("the connection ends before the last request")
		}
		_ = c.framer.WriteData(open, true, []byte("x"))
		c.send()
		c.wantGoAway("at the end", maxStreamID, within, within)
		got := c.replies()
		if got.status[open] != "200" || got.status[within] != "200" || got.status[late] != "" || got.reset[late] != http2.ErrCodeRefusedStream {
			t.Errorf("got %v, reset %v", got.status, got.reset)
		}
		if !c.ended() || !c.lingers {
			t.Errorf("it ends %t, lingers %t", c.ended(), c.lingers)
		}
	})
}

// TestShutdownSendsDelayedResponses has responses wait when the shutdown begins, and has one
// that would wait afterwards.
func TestShutdownSendsDelayedResponses(t *testing.T) {
	testDelays(t, func(t *testing.T, s *Server, c *pipeClient) {
		ids := []uint32{c.post("/slow", "x"), c.post("/slow", "x"), c.post("/slow", "x")}
		c.send()
		if got := c.replies(); len(got.status) > 0 {
			t.Errorf("before: got %v", got.status)
		}
		s.beginShutdown()
		ids = append(ids, c.post("/slow", "x"))
		c.send()
		got := c.replies()
		for _, id := range ids {
			if got.status[id] != "200" || !got.ended[id] {
				t.Errorf("stream %d: got %q, ended %t", id, got.status[id], got.ended[id])
			}
		}
	})
}

// TestShutdownBeforeThePreface has a client that has not sent it yet.
func TestShutdownBeforeThePreface(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, new(discardSink))
		s.options.IdleGrace.Store(int64(time.Second))
		late, silent := dialPipe(t, s), dialPipe(t, s)
		synctest.Wait()
		s.beginShutdown()
		late.wantGoAway("before the preface")
		late.preface()
		id := late.post("/count/k", "value=1")
		late.send()
		if got := late.replies(); got.status[id] != "200" {
			t.Errorf("got %q", got.status[id])
		}
		time.Sleep(time.Second)
		late.wantGoAway("after the grace", id)
		if !late.ended() || !silent.ended() {
			t.Errorf("after the grace, the connections end: %t, %t", late.ended(), silent.ended())
		}
	})
}

// TestGoAwayNamesTheLastStream breaks the protocol after requests.
func TestGoAwayNamesTheLastStream(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	r.post("/count/k", "value=1")
	id := r.post("/count/k", "value=1")
	r.raw(http2.FrameData, 0, 0, "x")
	got, _ := serveAll(t, r.take())
	if !slices.Equal(got.lastIDs, []uint32{id}) || got.errors() != "PROTOCOL_ERROR" {
		t.Errorf("GOAWAY names the streams %v, errors %q", got.lastIDs, got.errors())
	}
}
