package http2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// TestResponsesWaitForWindows has a client give windows step by step. It needs a response
// with a body: that of an unknown route.
func TestResponsesWaitForWindows(t *testing.T) {
	r := newRequestFrames()
	r.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	first := r.post("/nonsense", "x")
	second := r.post("/nonsense", "x")
	step := func(write func()) []byte { write(); return r.take() }
	parts := [][]byte{
		r.take(),
		step(func() { _ = r.framer.WriteWindowUpdate(first, 5) }),
		step(func() { _ = r.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 3}) }),
		// The last of several values holds (RFC 9113, section 6.5.3).
		step(func() {
			_ = r.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 4})
		}),
	}
	got, _ := serveAll(t, parts...)
	if len(got.body[first]) != 9 || len(got.body[second]) != 4 || got.ended[first] || got.acks != 3 {
		t.Errorf("got %q and %q, %d acknowledgements", got.body[first], got.body[second], got.acks)
	}
	parts = append(parts, step(func() { _ = r.framer.WriteWindowUpdate(first, 1000) }), step(func() { _ = r.framer.WriteWindowUpdate(second, 1000) }))
	got, _ = serveAll(t, parts...)
	for _, id := range []uint32{first, second} {
		if got.status[id] != "404" || !got.ended[id] || !strings.HasSuffix(got.body[id], "}") {
			t.Errorf("got %q %q", got.status[id], got.body[id])
		}
	}
}

// TestWindowsMustNotOverflow gives windows above 2^31-1 bytes.
func TestWindowsMustNotOverflow(t *testing.T) {
	f := func(name string, wantGoAway bool, write func(r *requestFrames, id uint32)) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
		write(r, id)
		got, _ := serveAll(t, r.take())
		if wantGoAway {
			got.endsWith(t, name, http2.ErrCodeFlowControl)
		} else if got.reset[id] != http2.ErrCodeFlowControl {
			t.Errorf("%s: got %v", name, got.reset)
		}
	}
	f("connection", true, func(r *requestFrames, _ uint32) { _ = r.framer.WriteWindowUpdate(0, maxWindow) })
	f("stream", false, func(r *requestFrames, id uint32) { _ = r.framer.WriteWindowUpdate(id, maxWindow) })
	f("setting", true, func(r *requestFrames, id uint32) {
		_ = r.framer.WriteWindowUpdate(id, 1)
		_ = r.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: maxWindow})
	})
}

// TestPendingResponsesAreBounded has responses wait for windows that never come.
func TestPendingResponsesAreBounded(t *testing.T) {
	s := newTestServer(t, new(discardSink))
	r := newRequestFrames()
	r.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	// The response to a bad batch has more than 1 KiB.
	for range maxStreams {
		r.post("/batch", strings.Repeat("no metric\n", 20))
	}
	c, _ := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
	c.mu.Lock()
	err := c.readPreface()
	for err == nil && c.pending <= maxPending {
		err = c.readFrame()
	}
	if c.pending > maxPending || len(c.streams) == 0 || len(c.streams) == maxStreams || s.options.Bodies.Used() > maxPending {
		t.Errorf("%d streams wait with %d bytes, %d of the budget", len(c.streams), c.pending, s.options.Bodies.Used())
	}
	c.close()
	if c.pending != 0 || s.options.Bodies.Used() != 0 {
		t.Errorf("%d bytes wait after the end, %d of the budget", c.pending, s.options.Bodies.Used())
	}
}
