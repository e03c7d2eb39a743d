package http2

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// timedInput is an Input whose parts arrive at given times. Its connection has a read
// deadline.
type timedInput struct {
	testInput
	at       []time.Duration // of the parts, from start on
	start    time.Time
	deadline time.Time
}

func (in *timedInput) Fill() error {
	next := in.start.Add(time.Hour)
	if len(in.parts) > 0 {
		next = in.start.Add(in.at[0])
	}
	if !in.deadline.IsZero() && in.deadline.Before(next) {
		time.Sleep(time.Until(in.deadline))
		return os.ErrDeadlineExceeded
	}
	time.Sleep(time.Until(next))
	if len(in.at) > 0 {
		in.at = in.at[1:]
	}
	return in.testInput.Fill()
}

// timedConn passes its read deadline to a timedInput, and notes when it is written to.
type timedConn struct {
	testConn
	in     *timedInput
	writes []time.Duration
}

func (c *timedConn) SetReadDeadline(t time.Time) error { c.in.deadline = t; return nil }

func (c *timedConn) Write(text []byte) (int, error) {
	c.writes = append(c.writes, time.Since(c.in.start))
	return c.testConn.Write(text)
}

// wroteAt reports whether something was written within 1/8 after a time.
func (c *timedConn) wroteAt(at time.Duration) bool {
	for _, written := range c.writes {
		if at <= written && written <= at+at/8 {
			return true
		}
	}
	return false
}

// delayHandler answers /slow after a second, and other targets at once.
type delayHandler struct{}

func (delayHandler) Begin(x *exchange.Exchange) bool {
	x.MaxBody = testMaxBody
	if string(x.Request.Path()) == "/slow" {
		x.Response.Delay = time.Second
	}
	return x.Request.BodyLength != 0
}

func (delayHandler) Serve(x *exchange.Exchange) {
	if x.BodyErr != nil {
		x.Response.SetError(x.BodyErr)
	}
	if string(x.Request.Path()) == "/long" {
		x.Response.Body = append(x.Response.Body, "long"...)
	}
}

// serveTimed has a connection with delayHandler serve parts that arrive at given times.
func serveTimed(t *testing.T, change func(s *Server), at []time.Duration, parts ...[]byte) (*replies, *timedConn) {
	t.Helper()
	s := newTestServer(t, new(discardSink))
	s.options.Handler = delayHandler{}
	s.options.ReadTimeout, s.options.WriteTimeout, s.options.IdleTimeout = 10*time.Second, 20*time.Second, 40*time.Second
	if change != nil {
		change(s)
	}
	in := &timedInput{testInput: testInput{parts: parts}, at: at, start: time.Now()}
	c, inner := newTestConn(s, in)
	out := &timedConn{in: in}
	c.Conn = out
	c.serve()
	checkStats(t, inner.stats)
	if c.isActive || len(c.streams) > 0 {
		t.Errorf("the connection ends with %d streams", len(c.streams))
	}
	return readReplies(t, out.written.Bytes()), out
}

// TestDelayedResponsesHoldUpNobody has a response wait while others are sent.
func TestDelayedResponsesHoldUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRequestFrames()
		r.preface()
		slow := r.post("/slow", "x")
		quick := r.post("/quick", "x")
		first := r.take()
		late := r.post("/quick", "x")
		got, out := serveTimed(t, nil, []time.Duration{0, time.Second / 2}, first, r.take())
		for _, id := range []uint32{slow, quick, late} {
			if got.status[id] != "200" {
				t.Errorf("stream %d: got %q", id, got.status[id])
			}
		}
		if !out.wroteAt(0) || !out.wroteAt(time.Second/2) || !out.wroteAt(time.Second) {
			t.Errorf("written at %v", out.writes)
		}
	})
}

// TestTimeoutsEndStreams lets each kind of wait take too long.
func TestTimeoutsEndStreams(t *testing.T) {
	f := func(name string, status string, code http2.ErrCode, at time.Duration, write func(r *requestFrames) (id uint32)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			r := newRequestFrames()
			r.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			id := write(r)
			got, out := serveTimed(t, nil, []time.Duration{0}, r.take())
			if reset, ok := got.reset[id]; got.status[id] != status || !ok || reset != code || !out.wroteAt(at) {
				t.Errorf("%s: got %q, reset %v %v, written at %v", name, got.status[id], ok, reset, out.writes)
			}
			got.endsWith(t, name, http2.ErrCodeNo) // the connection is idle
		})
	}
	f("a body that stalls", "408", http2.ErrCodeCancel, 10*time.Second, func(r *requestFrames) uint32 {
		return r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/x")
	})
	f("a response without a window", "200", http2.ErrCodeCancel, 20*time.Second, func(r *requestFrames) uint32 {
		return r.post("/long", "x")
	})
	f("a body that nobody needs", "200", http2.ErrCodeNo, time.Second, func(r *requestFrames) uint32 {
		return r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/x", "content-length", "0")
	})
}

// TestResponsesHaveOneTimeout has a client open the window of a response byte by byte, or
// that of its stream only.
func TestResponsesHaveOneTimeout(t *testing.T) {
	f := func(name string, write func(r *requestFrames, id uint32)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			r := newRequestFrames()
			r.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			id := r.post("/long", "x")
			at, parts := []time.Duration{0}, [][]byte{r.take()}
			for i := range 3 {
				write(r, id)
				at, parts = append(at, time.Duration(i+1)*15*time.Second), append(parts, r.take())
			}
			got, out := serveTimed(t, nil, at, parts...)
			if code, ok := got.reset[id]; !ok || code != http2.ErrCodeCancel || !out.wroteAt(20*time.Second) {
				t.Errorf("%s: reset %v %v, written at %v", name, ok, code, out.writes)
			}
		})
	}
	f("a byte at a time", func(r *requestFrames, id uint32) { _ = r.framer.WriteWindowUpdate(id, 1) })
	f("settings without room", func(r *requestFrames, _ uint32) { _ = r.framer.WriteSettings() })
	f("no byte", func(r *requestFrames, id uint32) {
		_ = r.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		_ = r.framer.WriteWindowUpdate(0, 1)
	})
}

func TestTimeoutsEndConnections(t *testing.T) {
	f := func(name string, want time.Duration, write func(r *requestFrames)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			r := newRequestFrames()
			r.preface()
			write(r)
			start := time.Now()
			got, _ := serveTimed(t, nil, []time.Duration{0}, r.take())
			got.endsWith(t, name, http2.ErrCodeNo)
			if took := time.Since(start); took < want || took > want+want/8 {
				t.Errorf("%s: it ends after %v, want %v", name, took, want)
			}
		})
	}
	f("no request", time.Minute, func(*requestFrames) {}) // Client.Timeout
	f("between requests", 40*time.Second, func(r *requestFrames) { r.post("/x", "x") })
	f("half a header block", 10*time.Second, func(r *requestFrames) {
		_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.pack(":method", "POST")})
	})
	f("half a frame", time.Minute, func(r *requestFrames) { r.WriteString(strings.Repeat("\x00", 5)) })
}

// TestShutdownAsksAtOnceAndWaitsForTheGrace begins the shutdown while a connection is idle.
func TestShutdownAsksAtOnceAndWaitsForTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRequestFrames()
		r.preface()
		r.post("/x", "x")
		first := r.take()
		late := r.post("/x", "x")
		second := r.take()
		open := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/x")
		third := r.take()
		refused := r.post("/x", "x")
		_ = r.framer.WriteData(open, true, []byte("x"))
		fourth := r.take()
		begin := func(s *Server) {
			s.options.IdleGrace.Store(int64(time.Second))
			time.AfterFunc(time.Second, func() { s.options.Draining.Store(true) })
		}
		// The part that arrives at 1 s stands for the wake-up by Shutdown.
		at := []time.Duration{0, time.Second, 3 * time.Second / 2, 3 * time.Second}
		got, _ := serveTimed(t, begin, at, first, second, third, fourth)
		if got.status[late] != "200" || got.status[open] != "200" || got.reset[refused] != http2.ErrCodeRefusedStream {
			t.Errorf("got %v, reset %v", got.status, got.reset)
		}
		if n := len(got.lastIDs); n < 2 || got.lastIDs[0] != maxStreamID || got.lastIDs[n-1] != open {
			t.Errorf("GOAWAY names the streams %v", got.lastIDs)
		}
	})
}
