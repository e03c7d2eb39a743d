package http2

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// serveAll has a connection serve what a client sends and then ends.
func serveAll(t testing.TB, parts ...[]byte) (*replies, *discardSink) {
	t.Helper()
	sink := new(discardSink)
	s := newTestServer(t, sink)
	c, out := newTestConn(s, &testInput{parts: parts})
	c.serve()
	checkStats(t, out.stats)
	if s.options.Bodies.Used() != 0 {
		t.Errorf("%d bytes are reserved after the end", s.options.Bodies.Used())
	}
	return readReplies(t, out.written.Bytes()), sink
}

// replies are the frames that a connection has sent.
type replies struct {
	status  map[uint32]string
	body    map[uint32]string
	ended   map[uint32]bool
	reset   map[uint32]http2.ErrCode
	window  map[uint32]int64
	heads   map[uint32][]string // of a stream, one after the other, each field as "name: value"
	goAway  []*http2.ErrCode
	lastIDs []uint32
	acks    int // of SETTINGS
	pings   int
}

func readReplies(t testing.TB, text []byte) *replies {
	t.Helper()
	r := &replies{
		status: map[uint32]string{}, body: map[uint32]string{}, ended: map[uint32]bool{},
		reset: map[uint32]http2.ErrCode{}, window: map[uint32]int64{}, heads: map[uint32][]string{},
	}
	framer := http2.NewFramer(nil, bytes.NewReader(text))
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return r
		}
		id := frame.Header().StreamID
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			r.status[id] = frame.PseudoValue("status")
			for _, field := range frame.Fields {
				r.heads[id] = append(r.heads[id], field.Name+": "+field.Value)
			}
			r.ended[id] = frame.StreamEnded()
		case *http2.DataFrame:
			r.body[id] += string(frame.Data())
			r.ended[id] = frame.StreamEnded()
		case *http2.RSTStreamFrame:
			r.reset[id] = frame.ErrCode
		case *http2.WindowUpdateFrame:
			r.window[id] += int64(frame.Increment)
		case *http2.GoAwayFrame:
			code := frame.ErrCode
			r.goAway, r.lastIDs = append(r.goAway, &code), append(r.lastIDs, frame.LastStreamID)
		case *http2.SettingsFrame:
			if frame.IsAck() {
				r.acks++
			}
		case *http2.PingFrame:
			r.pings++
		}
	}
}

// endsWith checks that the last frame is GOAWAY with a code.
func (r *replies) endsWith(t testing.TB, what string, want http2.ErrCode) {
	t.Helper()
	if n := len(r.goAway); n == 0 || *r.goAway[n-1] != want {
		t.Errorf("%s: got GOAWAY %v, want %v", what, r.goAway, want)
	}
}

// errors returns the errors that were sent to the client, those of streams first.
func (r *replies) errors() string {
	var errors []string
	for _, id := range slices.Sorted(maps.Keys(r.reset)) {
		errors = append(errors, fmt.Sprintf("%d: %v", id, r.reset[id]))
	}
	for _, code := range r.goAway {
		errors = append(errors, code.String())
	}
	return strings.Join(errors, ", ")
}

// TestFloodsEndTheConnection sends each kind of flood up to its bound in abuse.go, and beyond.
func TestFloodsEndTheConnection(t *testing.T) {
	open := func(r *requestFrames) uint32 { return r.open("/count/k") }
	overflow := func(r *requestFrames, id uint32) { _ = r.framer.WriteWindowUpdate(id, maxWindow) }
	f := func(name string, bound int, prepare, flood func(r *requestFrames)) {
		t.Helper()
		for _, n := range []int{bound, bound + 1} {
			r := newRequestFrames()
			r.preface()
			id := open(r) // stays open
			if prepare != nil {
				prepare(r)
			}
			for range n {
				flood(r)
			}
			_ = r.framer.WriteData(id, true, []byte("value=1"))
			synctest.Test(t, func(t *testing.T) { // time gives no credit
				got, sink := serveAll(t, r.take())
				if n > bound {
					got.endsWith(t, name, http2.ErrCodeEnhanceYourCalm)
					if got.status[id] != "" {
						t.Errorf("%s, %d times: the next request is served", name, n)
					}
				} else if len(got.goAway) > 0 || sink.calls == 0 || got.status[id] != "200" {
					t.Errorf("%s, %d times: got GOAWAY %v, status %q", name, n, got.goAway, got.status[id])
				}
			})
		}
	}
	// The preface costs one SETTINGS frame.
	left := maxCredit - costSettings
	ping := func(r *requestFrames) { _ = r.framer.WritePing(false, [8]byte{}) }
	update := func(r *requestFrames) { _ = r.framer.WriteWindowUpdate(0, 1) }
	f("SETTINGS", left/costSettings, nil, func(r *requestFrames) { _ = r.framer.WriteSettings() })
	f("acknowledgements of SETTINGS", left/costUnknown, nil, func(r *requestFrames) { _ = r.framer.WriteSettingsAck() })
	f("PING", left/costPing, nil, ping)
	f("answers to PING", left/costPing, nil, func(r *requestFrames) { _ = r.framer.WritePing(true, [8]byte{}) })
	f("empty DATA", left/costEmptyData, nil, func(r *requestFrames) { _ = r.framer.WriteData(1, false, nil) })
	f("WINDOW_UPDATE", left/costWindowUpdate, nil, update)
	f("WINDOW_UPDATE on a stream", left/costWindowUpdate, nil, func(r *requestFrames) { _ = r.framer.WriteWindowUpdate(1, 1) })
	f("PRIORITY", left/costPriority, nil, func(r *requestFrames) { _ = r.framer.WritePriority(1, http2.PriorityParam{StreamDep: 3}) })
	f("GOAWAY", left/costUnknown, nil, func(r *requestFrames) { _ = r.framer.WriteGoAway(0, http2.ErrCodeNo, nil) })
	f("unknown frames", left/costUnknown, nil, func(r *requestFrames) { r.raw(0x99, 0, 1, "x") })
	f("rapid reset", left/costReset, nil, func(r *requestFrames) { _ = r.framer.WriteRSTStream(open(r), http2.ErrCodeCancel) })
	f("requests that are answered and reset", left/(costOwnReset-gainData), nil, func(r *requestFrames) {
		r.headers(true, ":method", "POST", ":scheme", "https", ":path", "/count/k", "connection", "close")
	})
	f("requests that are answered, and reset after their body", left/(costOwnReset-gainData), nil, func(r *requestFrames) {
		_ = r.framer.WriteData(r.open("/count/k", "connection", "close"), true, []byte("x"))
	})
	f("made-you-reset", left/costOwnReset, nil, func(r *requestFrames) { overflow(r, open(r)) })
	f("malformed requests", left/costOwnReset, nil, func(r *requestFrames) { r.headers(true, ":method", "GET") })
	f("requests beyond maxStreams", left/costOwnReset, func(r *requestFrames) {
		for range maxStreams - 1 {
			open(r)
		}
	}, func(r *requestFrames) { open(r) })

	// Stream 3 is reset.
	left -= costOwnReset
	reset := func(r *requestFrames) { overflow(r, open(r)) }
	f("HEADERS on a reset stream", left/costClosed, reset, func(r *requestFrames) { r.raw(http2.FrameHeaders, endHeaders, 3, postCount) })
	f("little DATA on a reset stream", left/costClosed, reset, func(r *requestFrames) {
		_ = r.framer.WriteData(3, false, make([]byte, tinyData-1))
	})
	f("empty DATA on a reset stream", left/(costClosed+costEmptyData), reset, func(r *requestFrames) { _ = r.framer.WriteData(3, false, nil) })
	f("DATA on a reset stream", left, reset, func(r *requestFrames) { // costs nothing
		_ = r.framer.WriteData(3, false, make([]byte, tinyData))
		update(r)
	})

	// Responses give credit.
	spend := func(r *requestFrames) {
		for range (maxCredit - costSettings) / costPing {
			ping(r)
		}
	}
	f("WINDOW_UPDATE after a response", gainResponse, func(r *requestFrames) { spend(r); r.post("/count/k", "value=1") }, update)
	f("WINDOW_UPDATE after a response with a body", gainResponse+gainData, func(r *requestFrames) { spend(r); r.headers(true, getFields...) }, update)
	f("WINDOW_UPDATE after many responses", maxCredit, func(r *requestFrames) {
		for range maxCredit {
			r.post("/count/k", "value=1")
		}
	}, update)
}

func TestResetsAreAllowedAmongRequests(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	var parts [][]byte
	for range 2000 {
		r.post("/count/k", "value=1")
		r.post("/count/k", "value=1")
		id := r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
		_ = r.framer.WriteRSTStream(id, http2.ErrCodeCancel)
		parts = append(parts, r.take())
	}
	got, sink := serveAll(t, parts...)
	if len(got.goAway) > 0 || sink.calls != 4000 {
		t.Errorf("%d requests were served, GOAWAY %v", sink.calls, got.goAway)
	}
}

func TestTimeGivesCredit(t *testing.T) {
	c, _ := newTestConn(newTestServer(t, new(discardSink)), &testInput{})
	if err := c.take(maxCredit); err != nil {
		t.Error(err)
	}
	c.now = c.now.Add(time.Second)
	if err := c.take(creditPerSecond); err != nil {
		t.Errorf("after a second: %v", err)
	}
	if err := c.take(1); err != errCalm {
		t.Errorf("got %v, want ENHANCE_YOUR_CALM", err)
	}
	c.now = c.now.Add(time.Hour)
	if err := c.take(maxCredit - 1); err != nil {
		t.Errorf("after an hour: %v", err) // what was missing was made up for
	}
}

// TestHeaderBlocksAreBounded sends blocks that are too long, have too many frames, or unpack
// to too much.
func TestHeaderBlocksAreBounded(t *testing.T) {
	begin := func() (*requestFrames, []byte) {
		r := newRequestFrames()
		r.preface()
		return r, r.pack(":method", "POST", ":scheme", "https", ":path", "/count/k")
	}
	f := func(name string, part []byte, n int, want http2.ErrCode) {
		t.Helper()
		r, block := begin()
		_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block})
		for range n {
			_ = r.framer.WriteContinuation(1, false, part)
		}
		got, _ := serveAll(t, r.take())
		got.endsWith(t, name, want)
	}
	const gzip = 0x90 // accept-encoding: gzip, deflate (RFC 7541, appendix A)
	f("empty frames", nil, maxFragments, http2.ErrCodeEnhanceYourCalm)
	f("full frames", bytes.Repeat([]byte{gzip}, maxFrame), maxBlock/maxFrame, http2.ErrCodeEnhanceYourCalm)
	f("invalid HPACK", []byte{0x80}, 1, http2.ErrCodeCompression)

	// A bomb: a field of 4 KiB in the table, again and again.
	r, block := begin()
	block = append(block, r.pack("x", strings.Repeat("y", 3<<10))...)
	block = append(bytes.Clone(block), bytes.Repeat([]byte{0x80 | 62}, 8<<10)...)
	_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndStream: true, EndHeaders: true})
	r.nextID = 3
	r.encoder = hpack.NewEncoder(&r.block)
	id := r.post("/count/k", "value=1")
	got, sink := serveAll(t, r.take())
	if got.status[1] != "431" || got.status[id] != "200" || sink.calls != 1 {
		t.Errorf("a bomb: got %q, then %q", got.status[1], got.status[id])
	}

	// A string that is too long.
	r, block = begin()
	block = append(bytes.Clone(block), 0x00, 0x01, 'x', 0x7f) // a new name, a value of at least 127 bytes
	block = binary.AppendUvarint(block, maxHeaderString+1-127)
	_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block})
	got, _ = serveAll(t, r.take())
	got.endsWith(t, "a long string", http2.ErrCodeEnhanceYourCalm)
}

// TestStreamsBeyondTheLimitAreRefused opens as many streams as it can.
func TestStreamsBeyondTheLimitAreRefused(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	for range maxStreams + 10 {
		r.headers(false, ":method", "POST", ":scheme", "https", ":path", "/count/k")
	}
	got, _ := serveAll(t, r.take())
	if len(got.reset) != 10 || got.reset[2*maxStreams+1] != http2.ErrCodeRefusedStream {
		t.Errorf("got %v", got.reset)
	}
}

// TestSettingsFramesAreBounded sends a frame with many settings.
func TestSettingsFramesAreBounded(t *testing.T) {
	r := newRequestFrames()
	r.preface()
	_ = r.framer.WriteSettings(make([]http2.Setting, maxSettings)...)
	good := r.take()
	_ = r.framer.WriteSettings(make([]http2.Setting, maxSettings+1)...)
	if got, _ := serveAll(t, good); got.acks != 2 || got.errors() != "" {
		t.Errorf("%d settings: got %d acknowledgements, errors %q", maxSettings, got.acks, got.errors())
	}
	got, _ := serveAll(t, good, r.take())
	got.endsWith(t, "many settings", http2.ErrCodeEnhanceYourCalm)
}
