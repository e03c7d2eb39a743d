package http2

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// slowConn is a connection whose writes take a time, and may fail.
type slowConn struct {
	testConn
	sizes     []int // of the writes
	err       error
	wait      time.Duration
	deadlines []time.Duration // from the call on

	readDeadlineErr, writeDeadlineErr error
}

func (c *slowConn) SetReadDeadline(time.Time) error { return c.readDeadlineErr }

func (c *slowConn) Write(text []byte) (int, error) {
	c.sizes = append(c.sizes, len(text))
	time.Sleep(c.wait)
	if c.err != nil {
		return 0, c.err
	}
	return c.testConn.Write(text)
}

func (c *slowConn) SetWriteDeadline(at time.Time) error {
	c.deadlines = append(c.deadlines, time.Until(at))
	return c.writeDeadlineErr
}

// serveSlow has a connection with a slowConn serve parts.
func serveSlow(t *testing.T, out *slowConn, parts ...[]byte) (*Server, *discardSink, bool) {
	t.Helper()
	sink := new(discardSink)
	s := newTestServer(t, sink)
	c, inner := newTestConn(s, &testInput{parts: parts})
	out.stats = inner.stats
	c.Conn = out
	lingers := c.serve()
	checkStats(t, out.stats)
	return s, sink, lingers
}

// TestOutputIsWrittenInLargeParts sends many requests at once, and then one more.
func TestOutputIsWrittenInLargeParts(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	const n = 2000
	for range n {
		r.headers(true, getFields...)
	}
	first := r.take()
	r.headers(true, getFields...)
	out := new(slowConn)
	serveSlow(t, out, first, r.take())
	got := readReplies(t, out.written.Bytes())
	for id := uint32(1); id <= 2*n+1; id += 2 {
		if got.body[id] != "OK" || !got.ended[id] {
			t.Fatalf("stream %d: got %q", id, got.body[id])
		}
	}
	const response = 200 // more than the bytes of a response
	last := len(out.sizes) - 2
	for i, size := range out.sizes {
		if i < last && (size < maxOutput || size >= maxOutput+response) || i == last+1 && size > response {
			t.Errorf("write %d of %d has %d bytes", i, len(out.sizes), size)
		}
	}
	if last < 2 {
		t.Errorf("there are %d writes", len(out.sizes))
	}
}

// TestRequestsOfClientsThatAreGoneAreServed has writes fail.
func TestRequestsOfClientsThatAreGoneAreServed(t *testing.T) {
	f := func(out *slowConn, wantCalls, wantWrites int) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		var parts [][]byte
		for range 3 {
			r.post("/count/k", "value=1")
			parts = append(parts, r.take())
		}
		_, sink, lingers := serveSlow(t, out, parts...)
		if sink.calls != wantCalls || len(out.sizes) != wantWrites || lingers {
			t.Errorf("%+v: %d requests are served with %d writes, lingers %t, want %d, %d", out, sink.calls, len(out.sizes), lingers, wantCalls, wantWrites)
		}
	}
	f(new(slowConn), 3, 3)
	f(&slowConn{err: syscall.EPIPE}, 3, 1)
	f(&slowConn{writeDeadlineErr: net.ErrClosed}, 3, 0)
	f(&slowConn{err: os.ErrDeadlineExceeded}, 1, 1)
	f(&slowConn{readDeadlineErr: net.ErrClosed}, 0, 0)
}

// TestAnswersToFloodsAreWritten has a write time out while the client sends PING after PING.
func TestAnswersToFloodsAreWritten(t *testing.T) {
	s := newTestServer(t, new(discardSink))
	handler := &responseHandler{[]exchange.Response{{Status: 200, Body: letters(maxOutput - 1000)}, {Status: 200}}}
	s.options.Handler = handler
	r := newRequestFrames()
	r.preface()
	r.headers(true, getFields...)
	for range 100 {
		_ = r.framer.WritePing(false, [8]byte{})
	}
	r.headers(true, getFields...)
	c, _ := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
	out := &slowConn{err: os.ErrDeadlineExceeded}
	c.Conn = out
	c.serve()
	if len(out.sizes) != 1 || out.sizes[0] > maxOutput+frameHeader+8 || len(handler.left) != 1 {
		t.Errorf("%d bytes are written, %d requests are left", out.sizes, len(handler.left))
	}
}

// TestWritesHaveATimeout reads the deadlines of writes, and what slow ones add to the durations
// of requests.
func TestWritesHaveATimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRequestFrames()
		r.preface()
		r.post("/count/k", "value=1")
		r.post("/count/k", "value=1")
		first := r.take()
		r.post("/count/k", "value=1")
		out := &slowConn{wait: 20 * time.Second}
		s, _, _ := serveSlow(t, out, first, r.take())
		for _, left := range out.deadlines {
			if timeout := s.options.WriteTimeout; left < timeout || left > timeout+timeout/8 {
				t.Errorf("a write has %v, want %v", left, timeout)
			}
		}
		if len(out.deadlines) == 0 {
			t.Error("a write has no deadline")
		}
		if seconds := out.stats.Snapshot().Seconds; seconds != 60 {
			t.Errorf("three requests took %v s, want 60 s", seconds)
		}
	})
}

// TestOldestResponsesComeFirst has responses wait for the window of the connection.
func TestOldestResponsesComeFirst(t *testing.T) {
	const size = 30000
	s := newTestServer(t, new(discardSink))
	response := exchange.Response{Status: 200, Body: letters(size)}
	s.options.Handler = &responseHandler{[]exchange.Response{response, response, response, response, response}}
	r := newRequestFrames()
	r.preface()
	for range 5 {
		r.headers(true, getFields...)
	}
	// The window has room for two responses and a part of the third.
	parts := [][]byte{r.take()}
	_ = r.framer.WriteRSTStream(5, http2.ErrCodeCancel) // its part is lost
	parts = append(parts, r.take())
	_ = r.framer.WriteWindowUpdate(0, size+100)
	parts = append(parts, r.take())
	c, out := newTestConn(s, &testInput{parts: parts})
	c.serve()
	got := readReplies(t, out.written.Bytes())
	for id, want := range map[uint32]int{1: size, 3: size, 5: defaultWindow - 2*size, 7: size, 9: 100} {
		if len(got.body[id]) != want || got.ended[id] != (want == size) || !strings.HasPrefix(string(letters(size)), got.body[id]) {
			t.Errorf("stream %d: got %d bytes, ended %t, want %d", id, len(got.body[id]), got.ended[id], want)
		}
	}
}

// TestPendingResponsesUpToTheLimit has responses wait for windows that take all memory, and a
// byte more.
func TestPendingResponsesUpToTheLimit(t *testing.T) {
	f := func(want string, used int, sizes ...int) {
		t.Helper()
		s := newTestServer(t, new(discardSink))
		var responses []exchange.Response
		r := newRequestFrames()
		r.preface(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		for _, size := range sizes {
			responses = append(responses, exchange.Response{Status: 200, Body: letters(size)})
			r.headers(true, getFields...)
		}
		s.options.Handler = &responseHandler{responses}
		var others exchange.BodyBuffer
		if herr := others.Reserve(s.options.Bodies, used); herr != nil {
			t.Fatal(herr)
		}
		c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
		c.serve()
		if got := readReplies(t, out.written.Bytes()); got.errors() != want {
			t.Errorf("%v bytes: got the errors %q, want %q", sizes, got.errors(), want)
		}
		if left := s.options.Bodies.Used() - int64(used); left != 0 || c.pending != 0 {
			t.Errorf("%v bytes: after the end, %d bytes are reserved, %d wait", sizes, left, c.pending)
		}
	}
	f("", 0, maxPending)
	f("1: ENHANCE_YOUR_CALM", 0, maxPending+1)
	f("", 0, maxPending-1000, 1000)
	f("3: ENHANCE_YOUR_CALM", 0, maxPending-1000, 1001, 1000)
	f("", 32<<20-1000, 1000)
	f("1: ENHANCE_YOUR_CALM", 32<<20-1000, 1001)
}
