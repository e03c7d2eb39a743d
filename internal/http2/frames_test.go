package http2

import (
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

const (
	endStream  = http2.FlagDataEndStream
	endHeaders = http2.FlagHeadersEndHeaders
	padded     = http2.FlagDataPadded
	priority   = http2.FlagHeadersPriority
)

// postCount is the header block of a POST request for /count/k.
const postCount = "\x83\x87\x04\x08/count/k"

// TestErrorsOfFrames sends a frame between requests. Stream 1 is open, stream 3 has ended. An
// error of the connection ends it; one of a stream leaves the other streams alone.
func TestErrorsOfFrames(t *testing.T) {
	f := func(name, want string, write func(r *requestFrames)) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		r.open("/count/k")
		r.post("/count/k", "value=1")
		write(r)
		id := r.post("/count/k", "value=1")
		got, sink := serveAll(t, r.take())
		if errors := got.errors(); errors != want {
			t.Errorf("%s: got the errors %q, want %q", name, errors, want)
		}
		if (len(got.goAway) == 0) != (got.status[id] == "200") {
			t.Errorf("%s: got GOAWAY %d times, and then the status %q", name, len(got.goAway), got.status[id])
		}
		if got.status[3] != "200" || sink.calls == 0 {
			t.Errorf("%s: the request before it got %q", name, got.status[3])
		}
	}
	raw := func(kind http2.FrameType, flags http2.Flags, id uint32, payload string) func(r *requestFrames) {
		return func(r *requestFrames) { r.raw(kind, flags, id, payload) }
	}
	const (
		protocol    = "PROTOCOL_ERROR"
		frameSize   = "FRAME_SIZE_ERROR"
		flowControl = "FLOW_CONTROL_ERROR"
		closed      = "STREAM_CLOSED"
	)
	zeros := func(n int) string { return strings.Repeat("\x00", n) }

	f("HEADERS on no stream", protocol, raw(http2.FrameHeaders, endHeaders, 0, postCount))
	f("HEADERS on a server's stream", protocol, raw(http2.FrameHeaders, endHeaders, 6, postCount))
	f("HEADERS after the response", closed, raw(http2.FrameHeaders, endHeaders, 3, postCount))
	f("HEADERS on an older stream", protocol, func(r *requestFrames) {
		r.nextID = 9
		r.post("/count/k", "value=1")
		r.raw(http2.FrameHeaders, endHeaders, 7, postCount)
	})
	f("HEADERS without a block", "5: PROTOCOL_ERROR", func(r *requestFrames) {
		r.raw(http2.FrameHeaders, endHeaders, 5, "")
		r.nextID = 7
	})
	f("HEADERS in the middle of a block", protocol, func(r *requestFrames) {
		r.raw(http2.FrameHeaders, 0, 5, "")
	})
	f("CONTINUATION without HEADERS", protocol, raw(http2.FrameContinuation, endHeaders, 1, ""))

	f("padding without its length", frameSize, raw(http2.FrameHeaders, endHeaders|padded, 5, ""))
	f("more padding than payload", protocol, raw(http2.FrameHeaders, endHeaders|padded, 5, "\x02x"))
	f("padding only", "5: PROTOCOL_ERROR", func(r *requestFrames) {
		r.raw(http2.FrameHeaders, endHeaders|padded, 5, "\x01x")
		r.nextID = 7
	})
	f("padding after the block", "", func(r *requestFrames) {
		r.raw(http2.FrameHeaders, endHeaders|padded, 5, "\x04"+postCount+zeros(4))
		r.nextID = 7
	})
	f("DATA: padding without its length", frameSize, raw(http2.FrameData, padded, 1, ""))
	f("DATA: more padding than payload", protocol, raw(http2.FrameData, padded, 1, "\x02x"))
	f("DATA: padding only", "", raw(http2.FrameData, padded, 1, "\x01x"))

	f("a priority", "", func(r *requestFrames) {
		r.raw(http2.FrameHeaders, endHeaders|priority, 5, "\x00\x00\x00\x03\x10"+postCount)
		r.nextID = 7
	})
	f("a priority with padding", "", func(r *requestFrames) {
		r.raw(http2.FrameHeaders, endHeaders|priority|padded, 5, "\x02\x80\x00\x00\x03\x10"+postCount+zeros(2))
		r.nextID = 7
	})
	f("half a priority", frameSize, raw(http2.FrameHeaders, endHeaders|priority, 5, zeros(4)))
	f("a priority only", "5: PROTOCOL_ERROR", func(r *requestFrames) {
		r.raw(http2.FrameHeaders, endHeaders|priority, 5, zeros(5))
		r.nextID = 7
	})
	for _, exclusive := range []string{"\x00", "\x80"} {
		f("a stream that depends on itself", "5: PROTOCOL_ERROR", func(r *requestFrames) {
			r.raw(http2.FrameHeaders, endHeaders|priority, 5, exclusive+"\x00\x00\x05\x10"+postCount)
			r.nextID = 7
		})
		f("PRIORITY: a stream that depends on itself", "1: PROTOCOL_ERROR", raw(http2.FramePriority, 0, 1, exclusive+"\x00\x00\x01\x10"))
	}
	f("PRIORITY", "", raw(http2.FramePriority, 0, 1, "\x00\x00\x00\x03\x10"))
	f("PRIORITY that is too short", frameSize, raw(http2.FramePriority, 0, 1, zeros(4)))

	f("DATA on no stream", protocol, raw(http2.FrameData, 0, 0, "x"))
	f("DATA on an idle stream", protocol, raw(http2.FrameData, 0, 5, "x"))
	f("DATA on a server's stream", protocol, raw(http2.FrameData, 0, 2, "x"))
	f("DATA after the end", "3: STREAM_CLOSED", raw(http2.FrameData, 0, 3, "x"))
	f("RST_STREAM", "", raw(http2.FrameRSTStream, 0, 1, zeros(4)))
	f("RST_STREAM after the end", "", raw(http2.FrameRSTStream, 0, 3, zeros(4)))
	f("RST_STREAM on an idle stream", protocol, raw(http2.FrameRSTStream, 0, 5, zeros(4)))
	f("RST_STREAM that is too long", frameSize, raw(http2.FrameRSTStream, 0, 1, zeros(5)))
	f("PUSH_PROMISE", protocol, raw(http2.FramePushPromise, endHeaders, 1, zeros(4)))
	f("an unknown frame", "", raw(0x99, 0xff, 9, "x"))

	f("WINDOW_UPDATE after the end", "", raw(http2.FrameWindowUpdate, 0, 3, "\x00\x00\x00\x01"))
	f("WINDOW_UPDATE on an idle stream", protocol, raw(http2.FrameWindowUpdate, 0, 5, "\x00\x00\x00\x01"))
	f("WINDOW_UPDATE of nothing", "1: PROTOCOL_ERROR", raw(http2.FrameWindowUpdate, 0, 1, zeros(4)))
	f("WINDOW_UPDATE of nothing on an idle stream", protocol, raw(http2.FrameWindowUpdate, 0, 5, zeros(4)))
	f("WINDOW_UPDATE of nothing on the connection", protocol, raw(http2.FrameWindowUpdate, 0, 0, zeros(4)))
	f("the largest window", "", raw(http2.FrameWindowUpdate, 0, 1, "\x7f\xff\x00\x00"))
	f("the largest window of the connection", "", func(r *requestFrames) { _ = r.framer.WriteWindowUpdate(0, maxWindow-defaultWindow) })

	f("GOAWAY", "", raw(http2.FrameGoAway, 0, 0, zeros(8)))
	f("GOAWAY on a stream", protocol, raw(http2.FrameGoAway, 0, 1, zeros(8)))
	f("GOAWAY that is too short", frameSize, raw(http2.FrameGoAway, 0, 0, zeros(7)))
	f("PING on a stream", protocol, raw(http2.FramePing, 0, 1, zeros(8)))

	setting := func(id http2.SettingID, value uint32) func(r *requestFrames) {
		return func(r *requestFrames) { _ = r.framer.WriteSettings(http2.Setting{ID: id, Val: value}) }
	}
	f("SETTINGS on a stream", protocol, raw(http2.FrameSettings, 0, 1, ""))
	f("an acknowledgement of SETTINGS", "", raw(http2.FrameSettings, http2.FlagSettingsAck, 0, ""))
	f("half a setting", frameSize, raw(http2.FrameSettings, 0, 0, zeros(5)))
	f("the largest initial window", "", setting(http2.SettingInitialWindowSize, maxWindow))
	f("a larger initial window", flowControl, setting(http2.SettingInitialWindowSize, maxWindow+1))
	f("a frame size that is too small", protocol, setting(http2.SettingMaxFrameSize, maxFrame-1))
	f("an unknown setting", "", setting(0x99, 1))

	f("the largest frame", "", raw(0x99, 0, 0, zeros(maxFrame)))
	f("a larger frame", frameSize, raw(0x99, 0, 0, zeros(maxFrame+1)))
}

// TestFramesOnHalfClosedStreams sends frames on a stream whose request has ended, while it
// waits for its response.
func TestFramesOnHalfClosedStreams(t *testing.T) {
	f := func(kind http2.FrameType, payload, want string) {
		t.Helper()
		r := newRequestFrames()
		r.preface()
		id := r.post("/slow", "x")
		r.raw(kind, endHeaders|endStream, id, payload)
		next := r.post("/quick", "x")
		s := newTestServer(t, new(discardSink))
		s.options.Handler = delayHandler{}
		c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
		c.serve()
		got := readReplies(t, out.written.Bytes())
		if got.errors() != want || got.status[next] != "200" {
			t.Errorf("%v: got the errors %q, want %q; the next request got %q", kind, got.errors(), want, got.status[next])
		}
		if n := checkStats(t, out.stats); n != 2 {
			t.Errorf("%v: %d requests are counted", kind, n)
		}
	}
	f(http2.FrameData, "x", "1: STREAM_CLOSED")
	f(http2.FrameHeaders, postCount, "1: STREAM_CLOSED")
	f(http2.FrameHeaders, "", "1: STREAM_CLOSED")
	f(http2.FrameWindowUpdate, "\x00\x00\x00\x01", "")
}

// TestFramesAreAnswered sends frames that have an answer, and acknowledgements, which have none.
func TestFramesAreAnswered(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	_ = r.framer.WritePing(false, [8]byte{1, 2, 3})
	_ = r.framer.WritePing(true, [8]byte{4})
	_ = r.framer.WriteSettings()
	_ = r.framer.WriteSettingsAck()
	got, _ := serveAll(t, r.take())
	if got.pings != 1 || got.acks != 2 || got.window[0] != connWindow-defaultWindow {
		t.Errorf("got %d answers to PING, %d to SETTINGS, a window of %d", got.pings, got.acks, got.window[0])
	}
}

// TestPrefaceIsChecked sends wrong beginnings, and good ones byte by byte.
func TestPrefaceIsChecked(t *testing.T) {
	f := func(name, text, want string) {
		t.Helper()
		var bytes [][]byte
		for i := range len(text) {
			bytes = append(bytes, []byte{text[i]})
		}
		for _, parts := range [][][]byte{{[]byte(text)}, bytes} {
			got, _ := serveAll(t, parts...)
			if wantAck := name == "good"; got.errors() != want || (got.acks == 1) != wantAck {
				t.Errorf("%s, in %d parts: got %q, %d acknowledgements, want %q", name, len(parts), got.errors(), got.acks, want)
			}
		}
	}
	const protocol = "PROTOCOL_ERROR"
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	f("good", Preface+settings, "")
	f("nothing", "", "")
	f("a part", Preface[:10], "")
	f("no frame", Preface, "")
	f("half a frame", Preface+settings[:5], "")
	f("HTTP/1", "GET / HTTP/1.1\r\n\r\n", protocol)
	f("another text", "GET", protocol)
	f("a wrong end", Preface[:len(Preface)-1]+"x"+settings, protocol)
	f("another frame", Preface+"\x00\x00\x08\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", protocol)
	f("wrong SETTINGS", Preface+"\x00\x00\x00\x04\x00\x00\x00\x00\x01", protocol)
}
