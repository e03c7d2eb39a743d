package http2

import (
	"bytes"
	"testing"

	"golang.org/x/net/http2"
)

// FuzzFrames feeds what a client may send, in two parts. The proxy must not panic, has to end
// when the client ends, and must hold no memory of bodies then. It sends well-formed frames
// only, and answers each stream at most once.
func FuzzFrames(f *testing.F) {
	add := func(write func(r *requestFrames)) {
		r := newRequestFrames()
		r.preface()
		write(r)
		f.Add(r.take()[len(Preface):], 50)
	}
	add(func(r *requestFrames) { r.post("/count/k", "value=1") })
	add(func(r *requestFrames) {
		id := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/batch", "content-length", "700")
		_ = r.framer.WriteDataPadded(id, false, make([]byte, 600), make([]byte, 9))
		_ = r.framer.WriteWindowUpdate(id, 7)
		_ = r.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		_ = r.framer.WriteData(id, true, []byte("x"))
	})
	add(func(r *requestFrames) {
		_ = r.framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 3})
		id := r.headers(true, ":method", "GET", ":scheme", "https", ":path", "/nonsense")
		_ = r.framer.WriteWindowUpdate(id, 1<<20)
		_ = r.framer.WriteWindowUpdate(0, 1<<20)
		_ = r.framer.WritePing(false, [8]byte{})
		_ = r.framer.WritePriority(id, http2.PriorityParam{StreamDep: 9})
		_ = r.framer.WriteGoAway(0, http2.ErrCodeNo, nil)
	})
	add(func(r *requestFrames) {
		block := bytes.Clone(r.pack(":method", "HEAD", ":scheme", "https", ":path", "/heartbeat", "expect", "100-continue", "x", "y"))
		_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:5], PadLength: 3, Priority: http2.PriorityParam{StreamDep: 3}})
		_ = r.framer.WriteContinuation(1, true, block[5:])
		_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: r.pack("x", "y"), EndStream: true, EndHeaders: true})
	})
	add(func(r *requestFrames) { r.raw(http2.FrameHeaders, endStream, 1, postCount) }) // without an end
	f.Fuzz(func(t *testing.T, text []byte, split int) {
		if len(text) > 64<<10 {
			return
		}
		text = append([]byte(Preface), text...)
		split = min(max(split, 0), len(text))
		s := newTestServer(t, new(discardSink))
		s.options.LogPanic = func(fault any) { t.Errorf("panic: %v", fault) }
		c, out := newTestConn(s, &testInput{parts: [][]byte{bytes.Clone(text[:split]), text[split:]}})
		c.serve()
		if used := s.options.Bodies.Used(); used != 0 || c.pending != 0 || len(c.streams) != 0 || c.head.x != nil {
			t.Errorf("%d bytes are reserved, %d wait, %d streams are open", used, c.pending, len(c.streams))
		}
		checkFrames(t, out.written.Bytes())
	})
}

// checkFrames checks what a server has sent.
func checkFrames(t *testing.T, text []byte) {
	framer := http2.NewFramer(nil, bytes.NewReader(text))
	framer.SetMaxReadFrameSize(maxFrame)
	ended := make(map[uint32]bool)
	for read := 0; ; {
		frame, err := framer.ReadFrame()
		if err != nil {
			if read != len(text) {
				t.Fatalf("%d of %d bytes are frames: %v", read, len(text), err)
			}
			return
		}
		header := frame.Header()
		read += frameHeader + int(header.Length)
		switch header.Type {
		case http2.FrameHeaders, http2.FrameData:
			if ended[header.StreamID] {
				t.Errorf("stream %d goes on after its end", header.StreamID)
			}
			ended[header.StreamID] = header.Flags.Has(http2.FlagDataEndStream)
		case http2.FrameRSTStream:
			ended[header.StreamID] = true
		}
	}
}
