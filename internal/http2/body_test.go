package http2

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// TestWindowsFollowALargeBody sends the largest body, for which the proxy has to give windows.
func TestWindowsFollowALargeBody(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	id := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
	body := `{"value":1` + strings.Repeat(" ", testMaxBody-11) + "}"
	for len(body) > maxFrame {
		_ = r.framer.WriteData(id, false, []byte(body[:maxFrame]))
		body = body[maxFrame:]
	}
	_ = r.framer.WriteData(id, true, []byte(body))
	got, sink := serveAll(t, r.take())
	if got.status[id] != "200" || sink.calls != 1 {
		t.Errorf("got %q", got.status[id])
	}
	if got.window[id] < streamWindow/2 || got.window[0] < connWindow-defaultWindow {
		t.Errorf("the windows grew by %v", got.window)
	}
}

// TestWindowsAreEnforced sends more than the windows allow.
func TestWindowsAreEnforced(t *testing.T) {
	s := newTestServer(t, new(discardSink))
	r := newRequestFrames()
	r.preface()
	id := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
	for range 2 {
		_ = r.framer.WriteData(id, false, make([]byte, 100))
	}
	c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
	c.mu.Lock()
	if err := c.readPreface(); err != nil {
		t.Fatal(err)
	}
	if err := c.readFrame(); err != nil {
		t.Fatal(err)
	}
	c.streams[0].receive, c.receive = 100, 100
	if err := c.readFrame(); err != nil || len(c.streams) != 1 {
		t.Fatalf("the windows are not exceeded: got %v, %d streams", err, len(c.streams))
	}
	c.streams[0].receive = 99
	if err := c.readFrame(); err != nil {
		t.Fatal(err)
	}
	_ = c.flush()
	if code := readReplies(t, out.written.Bytes()).reset[id]; code != http2.ErrCodeFlowControl {
		t.Errorf("the window of the stream: %v", code)
	}
	c.receive = 99
	_ = r.framer.WriteData(id, false, make([]byte, 100))
	c.Input.(*testInput).parts = [][]byte{r.take()}
	if err := c.readFrame(); err != http2.ConnectionError(http2.ErrCodeFlowControl) {
		t.Errorf("the window of the connection: %v", err)
	}
	c.close()
}

// TestPaddingIsDropped sends a body with padding.
func TestPaddingIsDropped(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	id := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
	_ = r.framer.WriteDataPadded(id, false, []byte("val"), make([]byte, 200))
	_ = r.framer.WriteDataPadded(id, true, []byte("ue=1"), make([]byte, 1))
	got, sink := serveAll(t, r.take())
	if got.status[id] != "200" || sink.calls != 1 {
		t.Errorf("got %q %s", got.status[id], got.body[id])
	}
	_ = r.framer.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, 1, []byte{5, 'x'})
	frames := newRequestFrames()
	frames.preface()
	frames.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
	got, _ = serveAll(t, append(frames.take(), r.take()...))
	got.endsWith(t, "padding that is too long", http2.ErrCodeProtocol)
}

// TestFramesMayArriveInAnyParts splits the same bytes at each place.
func TestFramesMayArriveInAnyParts(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	first := r.post("/count/k", "value=1", "content-type", "application/x-www-form-urlencoded")
	second := r.headers(true, ":method", "GET", ":scheme", "https", ":path", "/heartbeat")
	text := r.take()
	for i := range text {
		got, sink := serveAll(t, bytes.Clone(text[:i]), text[i:])
		if got.status[first] != "200" || got.body[second] != "OK" || sink.calls != 1 {
			t.Fatalf("split at %d: got %v", i, got.status)
		}
	}
	// What has arrived as a whole is served although the connection then ends.
	got, sink := serveAll(t, text[:len(text)-1])
	if got.status[first] != "200" || sink.calls != 1 || got.status[second] != "" {
		t.Errorf("cut: got %v", got.status)
	}
}

// TestHalfAFrameIsDropped ends a connection in the middle of a frame that holds a request.
func TestHalfAFrameIsDropped(t *testing.T) {
	r := newRequestFrames()
	r.post("/count/k", "value=1")
	request := string(r.take())
	r.preface()
	r.raw(0x99, 0, 0, request+"x")
	text := r.take()
	if got, sink := serveAll(t, text[:len(text)-1]); len(got.status) > 0 || sink.calls > 0 {
		t.Errorf("got %v, %d requests are served", got.status, sink.calls)
	}
}

// TestRejectedBodiesAreDiscarded has the client send on after the response.
func TestRejectedBodiesAreDiscarded(t *testing.T) {
	// A response that ends before a reset is whole for the client.
	f := func(name string, size int, want string, wantEnd bool, wantErrors string, settings []http2.Setting, fields ...string) {
		t.Helper()
		r := newRequestFrames()
		r.preface(settings...)
		id := r.open("/nonsense", fields...)
		for text := make([]byte, size); len(text) > 0; {
			part := text[:min(len(text), maxFrame)]
			_ = r.framer.WriteData(id, false, part)
			text = text[len(part):]
		}
		_ = r.framer.WriteData(id, true, nil)
		next := r.post("/count/k", "value=1")
		got, _ := serveAll(t, r.take())
		if got.status[id] != want || got.ended[id] != wantEnd || got.errors() != wantErrors {
			t.Errorf("%s: got %q, ended %t, errors %q, want %q, %t, %q", name, got.status[id], got.ended[id], got.errors(), want, wantEnd, wantErrors)
		}
		if got.status[next] != "200" {
			t.Errorf("%s: the next request got %q", name, got.status[next])
		}
	}
	f("a body", 2<<20, "404", true, "", nil)
	f("the largest body", discardSize, "404", true, "", nil)
	f("a larger body", discardSize+1, "404", true, "1: NO_ERROR", nil)
	f("a malformed request", discardSize+1, "400", false, "1: PROTOCOL_ERROR", nil, "connection", "close")
	noWindow := []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1}}
	f("half a response", discardSize+1, "404", false, "1: CANCEL", noWindow)
}

// TestWindowsGrowWhenTheyAreHalfEmpty has a client send frames of the maximum size, of a body
// that nobody needs.
func TestWindowsGrowWhenTheyAreHalfEmpty(t *testing.T) {
	f := func(frames int, endsStream bool, wantStream, wantConn int64) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.open("/nonsense")
		for i := range frames {
			_ = r.framer.WriteDataPadded(id, endsStream && i == frames-1, make([]byte, maxFrame-10), make([]byte, 9))
		}
		got, _ := serveAll(t, r.take())
		if stream, conn := got.window[id], got.window[0]-(connWindow-defaultWindow); stream != wantStream*maxFrame || conn != wantConn*maxFrame {
			t.Errorf("after %d frames, the end %t: the windows grew by %d and %d bytes, want %d and %d frames", frames, endsStream, stream, conn, wantStream, wantConn)
		}
	}
	const half = streamWindow / 2 / maxFrame
	f(half, false, 0, 0)
	f(half+1, false, half+1, 0)
	f(half+1, true, 0, 0)
	f(2*half, false, half+1, 0)
	f(2*half+1, false, half+1, 2*half+1)
	f(2*half+2, false, 2*half+2, 2*half+1)
}

// TestDataAfterTheResponseIsCounted sends the rest of a body after its response.
func TestDataAfterTheResponseIsCounted(t *testing.T) {
	f := func(want string, wantBytes uint64, sizes []int, fields ...string) {
		t.Helper()
		s := newTestServer(t, new(discardSink))
		r := newRequestFrames()
		r.preface()
		id := r.open("/nonsense", fields...)
		for i, size := range sizes {
			_ = r.framer.WriteData(id, i == len(sizes)-1, make([]byte, size))
		}
		next := r.post("/count/k", "value=1")
		c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
		c.serve()
		got := readReplies(t, out.written.Bytes())
		if got.status[id] != "404" || got.errors() != want || got.ended[id] != (want == "") || got.status[next] != "200" {
			t.Errorf("%v: got %q, errors %q, ended %t, want %q; then %q", sizes, got.status[id], got.errors(), got.ended[id], want, got.status[next])
		}
		if n := checkStats(t, out.stats); n != 2 {
			t.Errorf("%v: %d requests are counted", sizes, n)
		}
		if n := out.stats.Snapshot().BodyBytes - uint64(len("value=1")); n != wantBytes {
			t.Errorf("%v: %d bytes of the body are counted, want %d", sizes, n, wantBytes)
		}
	}
	const protocol = "1: PROTOCOL_ERROR"
	f("", 30, []int{10, 20, 0})
	f("", 30, []int{10, 20, 0}, "content-length", "30")
	f("", 30, []int{10, 20}, "content-length", "30")
	f(protocol, 30, []int{10, 20}, "content-length", "31")
	f(protocol, 30, []int{10, 20}, "content-length", "29")
	f(protocol, 10, []int{10, 20, 30}, "content-length", "9")
}

// TestTrailersEndABody sends good trailers and bad ones.
func TestTrailersEndABody(t *testing.T) {
	f := func(want string, endsStream bool, fields ...string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
		_ = r.framer.WriteData(id, false, []byte("value=1"))
		_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: r.pack(fields...), EndStream: endsStream, EndHeaders: true})
		got, _ := serveAll(t, r.take())
		if code, isReset := got.reset[id]; got.status[id] != want || isReset != (want == "") || isReset && code != http2.ErrCodeProtocol {
			t.Errorf("%q: got %q, reset %v, want %q or else a reset with PROTOCOL_ERROR", fields, got.status[id], got.reset, want)
		}
	}
	f("200", true, "x-checksum", "1")
	f("", true, ":path", "/")
	f("", true, "X-Checksum", "1")
	f("", true, "x", "a\nb")
	f("", false, "x", "y")
}
