package http2

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// literal returns a field of HPACK that is not added to the table. Its value has more than 127
// bytes.
func literal(name string, size int) []byte {
	field := append([]byte{0, byte(len(name))}, name...)
	field = append(field, 0x7f)
	for n := size - 0x7f; ; n >>= 7 {
		if n < 0x80 {
			field = append(field, byte(n))
			break
		}
		field = append(field, byte(n)|0x80)
	}
	return append(field, strings.Repeat("v", size)...)
}

// TestHeaderBlocksUpToTheirLimits sends blocks that are as large as they may be, and larger
// ones. Those within the limits may have to be answered 431, but the connection goes on.
func TestHeaderBlocksUpToTheirLimits(t *testing.T) {
	f := func(name, want string, block []byte, sizes ...int) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		for i, size := range append(sizes, -1) {
			if size < 0 {
				size = len(block)
			}
			part := block[:size]
			block = block[size:]
			if isLast := i == len(sizes); i == 0 {
				_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: part, EndStream: true, EndHeaders: isLast})
			} else {
				_ = r.framer.WriteContinuation(1, isLast, part)
			}
		}
		r.nextID = 3
		next := r.headers(true, getFields...)
		got, _ := serveAll(t, r.take())
		if status := got.status[1]; status+got.errors() != want {
			t.Errorf("%s: got %q, errors %q, want %q", name, status, got.errors(), want)
		}
		if (got.status[next] == "200") != (len(got.goAway) == 0) {
			t.Errorf("%s: the next request got %q", name, got.status[next])
		}
	}
	const calm, compression = "ENHANCE_YOUR_CALM", "COMPRESSION_ERROR"
	get := []byte(getHeartbeat)
	f("as many frames as allowed", "200", get, make([]int, maxFragments-1)...)
	f("a frame more", calm, get, make([]int, maxFragments)...)
	f("a byte in the first frame", "200", get, 1)
	gzip := func(n int) []byte { return append(get[:len(get):len(get)], bytes.Repeat([]byte{0x90}, n-len(get))...) }
	f("the longest block", "431", gzip(maxBlock), maxFrame, maxFrame, maxFrame)
	f("a byte more", calm, gzip(maxBlock+1), maxFrame, maxFrame, maxFrame, maxFrame)
	text := func(n int) []byte { return append(get[:len(get):len(get)], literal("x", n)...) }
	f("the longest string", "431", text(maxHeaderString), maxFrame, maxFrame)
	f("a byte more", calm, text(maxHeaderString+1), maxFrame, maxFrame)
	f("half a field", compression, append(get[:len(get):len(get)], 0x40))
	f("half a field in two frames", compression, append(get[:len(get):len(get)], 0x40), 3)
	f("no such index", compression, append(get[:len(get):len(get)], 0xff, 0x7f))
}

// TestTrailersHaveALimit sends trailers that are as large as they may be, and one byte larger.
func TestTrailersHaveALimit(t *testing.T) {
	f := func(size int, want string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.open("/count/k")
		block := literal("x", size)
		_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block[:maxFrame-9], EndStream: true})
		_ = r.framer.WriteContinuation(id, true, block[maxFrame-9:])
		got, _ := serveAll(t, r.take())
		if got.status[id]+got.errors() != want {
			t.Errorf("%d bytes: got %q, errors %q, want %q", size, got.status[id], got.errors(), want)
		}
	}
	size := exchange.MaxHead - len("x: \r\n")
	f(size, "200")
	f(size+1, "1: PROTOCOL_ERROR")
}

// TestResetStreamsAreRemembered resets more streams than the ring has room for.
func TestResetStreamsAreRemembered(t *testing.T) {
	var ring resetRing
	const more = 3
	for id := range uint32(2*maxStreams + more) {
		if ring.has(id) {
			t.Fatalf("stream %d is there before its reset", id)
		}
		ring.add(id)
		for last := range uint32(maxStreams) {
			if id >= last && !ring.has(id-last) {
				t.Fatalf("after the reset of stream %d, stream %d is forgotten", id, id-last)
			}
		}
		if id >= maxStreams && ring.has(id-maxStreams) {
			t.Fatalf("after the reset of stream %d, stream %d is there", id, id-maxStreams)
		}
	}
}

// TestHeadersOfResetStreamsAreDecoded sends a request on a stream that the proxy has reset. Its
// fields change the table of the connection.
func TestHeadersOfResetStreamsAreDecoded(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	id := r.open("/count/k")
	_ = r.framer.WriteWindowUpdate(id, maxWindow)
	r.raw(http2.FrameHeaders, endHeaders|endStream, id, "\x40\x05:path\x0a/heartbeat")
	r.raw(http2.FrameHeaders, endHeaders|endStream, 3, "\x82\x87"+newest)
	got, _ := serveAll(t, r.take())
	if got.status[id] != "" || got.status[3] != "200" || got.errors() != "1: FLOW_CONTROL_ERROR" {
		t.Errorf("got %v, errors %q", got.status, got.errors())
	}
}

// halfConn is a connection whose sending half can be closed.
type halfConn struct {
	testConn
	written int // bytes when it was closed
}

func (c *halfConn) CloseWrite() error { c.written = c.testConn.written.Len(); return nil }

// TestFloodedConnectionsStayOpen has a client flood a connection, and one that ends otherwise.
func TestFloodedConnectionsStayOpen(t *testing.T) {
	f := func(name string, want time.Duration, wantLingers bool, write func(r *requestFrames)) {
		t.Helper()
		synctest.Test(t, func(t *testing.T) {
			r := newRequestFrames()
			r.preface()
			write(r)
			c, _ := newTestConn(newTestServer(t, new(discardSink)), &testInput{parts: [][]byte{r.take()}})
			out := new(halfConn)
			c.Conn = out
			start := time.Now()
			lingers := c.serve()
			if took := time.Since(start); took != want || lingers != wantLingers {
				t.Errorf("%s: it ends after %v, lingers %t, want %v, %t", name, took, lingers, want, wantLingers)
			}
			if want > 0 && out.written != out.testConn.written.Len() {
				t.Errorf("%s: %d bytes were written when the half was closed, %d at the end", name, out.written, out.testConn.written.Len())
			}
		})
	}
	f("a flood", floodTime, false, func(r *requestFrames) { _ = r.framer.WriteSettings(make([]http2.Setting, maxSettings+1)...) })
	f("an error", 0, true, func(r *requestFrames) { r.raw(http2.FrameData, 0, 0, "x") })
	f("its end", 0, false, func(*requestFrames) {})
}
