package http2

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// TestEndOfEarlyResponses has a client send a body after the response. The response ends when
// the client has sent the body, or has paused.
func TestEndOfEarlyResponses(t *testing.T) {
	const never = -1
	// The client sends a byte at each of the times, and the end of its body with the last one if
	// endsBody is set. The stream ends at the time wantReset, unless the client ends it.
	f := func(name string, times []time.Duration, endsBody bool, wantEnd, wantReset time.Duration, fields ...string) {
		t.Helper()
		testPages(t, nil, func(t *testing.T, _ *Server, c *pipeClient) {
			id := c.open("/quick", fields...)
			c.send()
			start := time.Now()
			ended, reset := time.Duration(never), time.Duration(never)
			look := func() {
				got := c.replies()
				if got.status[id] != "200" {
					t.Fatalf("%s: got %q", name, got.status[id])
				}
				if got.ended[id] && ended == never {
					ended = time.Since(start)
				}
				if code, ok := got.reset[id]; ok && code != http2.ErrCodeNo {
					t.Fatalf("%s: reset with %v", name, code)
				} else if ok && reset == never {
					reset = time.Since(start)
				}
			}
			look()
			for i := range 150 {
				time.Sleep(10 * time.Millisecond)
				look()
				if now := time.Since(start); len(times) > 0 && now == times[0] {
					times = times[1:]
					_ = c.framer.WriteData(id, endsBody && len(times) == 0, []byte("x"))
					c.send()
					look()
				}
				if i == 149 && (ended != wantEnd || reset != wantReset) {
					t.Errorf("%s: the response ends at %v, want %v; the stream is reset at %v, want %v", name, ended, wantEnd, reset, wantReset)
				}
			}
			next := c.post("/quick", "x")
			c.send()
			if got := c.replies(); got.status[next] != "200" {
				t.Errorf("%s: the next request got %q", name, got.status[next])
			}
		})
	}
	const ms = time.Millisecond
	every := func(pause time.Duration) (times []time.Duration) {
		for at := pause; at <= 1200*ms; at += pause {
			times = append(times, at)
		}
		return times
	}
	f("no body", nil, false, maxPause, discardTime)
	f("the whole body", []time.Duration{50 * ms}, true, 50*ms, never)
	f("a body in parts", []time.Duration{50 * ms, 140 * ms, 230 * ms}, true, 230*ms, never)
	f("a pause", []time.Duration{50 * ms, 140 * ms, 250 * ms}, true, 240*ms, never)
	f("a body without an end", []time.Duration{50 * ms, 140 * ms}, false, 240*ms, discardTime)
	f("a body that does not pause", every(90*ms), false, discardTime, discardTime)
	f("a client that waits for 100 Continue", nil, false, 0, discardTime, "expect", "100-continue")
}

// TestSlowRequestsEndAtOnce has a client send a body byte by byte, beyond the read timeout.
func TestSlowRequestsEndAtOnce(t *testing.T) {
	testDelays(t, func(t *testing.T, s *Server, c *pipeClient) {
		s.options.ReadTimeout = 10 * time.Second
		id := c.open("/quick")
		c.send()
		for range 3 {
			time.Sleep(3 * time.Second)
			_ = c.framer.WriteData(id, false, []byte("x"))
			c.send()
		}
		time.Sleep(time.Second - time.Millisecond)
		if got := c.replies(); got.status[id] != "" {
			t.Fatalf("before the timeout: got %q", got.status[id])
		}
		time.Sleep(time.Millisecond)
		if got := c.replies(); got.status[id] != "408" || !got.ended[id] || got.errors() != "1: NO_ERROR" {
			t.Errorf("got %q, ended %t, errors %q", got.status[id], got.ended[id], got.errors())
		}
		// What was on its way is dropped.
		_ = c.framer.WriteData(id, true, make([]byte, tinyData))
		next := c.post("/quick", "x")
		c.send()
		if got := c.replies(); got.status[next] != "200" || got.errors() != "1: NO_ERROR" {
			t.Errorf("the next request got %q, errors %q", got.status[next], got.errors())
		}
		if n, sum := c.requests(), c.stats.Snapshot(); n[408] != 1 || sum.Seconds != 10 || sum.BodyBytes != 4 {
			t.Errorf("the requests that are counted: %v, %v s, %d bytes", n, sum.Seconds, sum.BodyBytes)
		}
	})
}

// TestTrailersMayComeTooLate has the read timeout pass between two frames of trailers.
func TestTrailersMayComeTooLate(t *testing.T) {
	testDelays(t, func(t *testing.T, s *Server, c *pipeClient) {
		s.options.ReadTimeout = 10 * time.Second
		id := c.open("/quick")
		c.send()
		time.Sleep(5 * time.Second)
		c.raw(http2.FrameHeaders, endStream, id, "\x00\x01x")
		c.send()
		time.Sleep(6 * time.Second)
		c.raw(http2.FrameContinuation, endHeaders, id, "\x01y")
		next := c.post("/quick", "x")
		c.send()
		if got := c.replies(); got.status[id] != "408" || got.status[next] != "200" || got.errors() != "1: NO_ERROR" {
			t.Errorf("got %v, errors %q", got.status, got.errors())
		}
	})
}

// TestBlockedResponsesEndWithTheBody has a response wait for windows while the body arrives,
// before it or after it.
func TestBlockedResponsesEndWithTheBody(t *testing.T) {
	f := func(name string, bodyFirst bool) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := newTestServer(t, new(discardSink))
			c := dialPipe(t, s)
			c.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
			id := c.open("/nonsense")
			c.send()
			body := func() { _ = c.framer.WriteData(id, true, []byte("x")) }
			window := func() { _ = c.framer.WriteWindowUpdate(id, 1000) }
			first, second := window, body
			if bodyFirst {
				first, second = body, window
			}
			first()
			c.send()
			if got := c.replies(); got.status[id] != "404" || got.ended[id] {
				t.Errorf("%s: at first, got %q, ended %t", name, got.status[id], got.ended[id])
			}
			second()
			c.send()
			if got := c.replies(); !got.ended[id] || !strings.HasSuffix(got.body[id], "}") || got.errors() != "" {
				t.Errorf("%s: got %q, ended %t, errors %q", name, got.body[id], got.ended[id], got.errors())
			}
		})
	}
	f("the body first", true)
	f("the window first", false)
}

// TestDataDoesNotMoveDeadlines has a body arrive while a response waits for its delay or for
// windows.
func TestDataDoesNotMoveDeadlines(t *testing.T) {
	f := func(name string, response exchange.Response, wantStatus, wantErrors string, at time.Duration) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			s := newTestServer(t, new(discardSink))
			s.options.Handler = &responseHandler{[]exchange.Response{response}}
			s.options.WriteTimeout = 2 * time.Second
			c := dialPipe(t, s)
			c.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			id := c.open("/")
			c.send()
			time.Sleep(at / 2)
			_ = c.framer.WriteData(id, false, []byte("x"))
			c.send()
			time.Sleep(at/2 - time.Millisecond)
			before := c.replies()
			time.Sleep(time.Millisecond)
			after := c.replies()
			if before.status[id]+before.errors() == after.status[id]+after.errors() || after.status[id] != wantStatus || after.errors() != wantErrors {
				t.Errorf("%s: got %q, errors %q; before that, %q and %q", name, after.status[id], after.errors(), before.status[id], before.errors())
			}
		})
	}
	f("a delay", exchange.Response{Status: 429, Delay: time.Second}, "429", "", time.Second)
	f("no window", exchange.Response{Status: 200, Body: []byte("text")}, "200", "1: CANCEL", 2*time.Second)
}

// TestDurationsAreCounted has responses that are written at once, after a delay, and to a client
// that reads late.
func TestDurationsAreCounted(t *testing.T) {
	f := func(path string, want float64) {
		t.Helper()
		testDelays(t, func(t *testing.T, _ *Server, c *pipeClient) {
			c.post(path, "x")
			c.post(path, "x")
			c.send()
			time.Sleep(2 * time.Second)
			if n, seconds := c.requests(), c.stats.Snapshot().Seconds; n[http.StatusOK] != 2 || seconds != want {
				t.Errorf("%s: the requests that are counted: %v, %v s, want %v s", path, n, seconds, want)
			}
		})
	}
	f("/quick", 0)
	f("/slow", 2)
}

// TestConnectionsAreActiveWhileARequestIsOpen reads the counter of active connections.
func TestConnectionsAreActiveWhileARequestIsOpen(t *testing.T) {
	testDelays(t, func(t *testing.T, _ *Server, c *pipeClient) {
		step := func(name string, want int64, write func()) {
			t.Helper()
			write()
			c.send()
			if active := c.stats.Snapshot().Active; active != want {
				t.Errorf("%s: %d connections are active, want %d", name, active, want)
			}
		}
		var id uint32
		step("idle", 0, func() {})
		step("an open request", 1, func() { id = c.open("/quick") })
		step("two open requests", 1, func() { c.open("/quick") })
		step("the first ends", 1, func() { _ = c.framer.WriteData(id, true, []byte("x")) })
		step("the second ends", 0, func() { _ = c.framer.WriteData(id+2, true, []byte("x")) })
		step("half a header block", 1, func() { c.raw(http2.FrameHeaders, endStream, id+4, postCount) })
		step("a whole one", 0, func() { c.raw(http2.FrameContinuation, endHeaders, id+4, "") })
	})
}
