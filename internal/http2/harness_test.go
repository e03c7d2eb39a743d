package http2

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/metric"
)

// discardSink is an ingest.Sink that counts its calls.
type discardSink struct{ calls int }

func (s *discardSink) Send([]byte, []int) error { s.calls++; return nil }

// testConn is a connection without deadlines that keeps what is written.
type testConn struct {
	net.Conn
	written bytes.Buffer
	stats   *exchange.Stats
}

func (c *testConn) Write(text []byte) (int, error) { return c.written.Write(text) }
func (*testConn) SetReadDeadline(time.Time) error  { return nil }
func (*testConn) SetWriteDeadline(time.Time) error { return nil }

// testInput is an Input whose bytes are given in parts. It ends after the last one.
type testInput struct {
	parts  [][]byte
	buffer []byte
}

func (in *testInput) Bytes() []byte { return in.buffer }
func (in *testInput) Skip(n int)    { in.buffer = in.buffer[n:] }

func (in *testInput) Fill() error {
	if len(in.parts) == 0 {
		return io.EOF
	}
	in.buffer = append(in.buffer[:len(in.buffer):len(in.buffer)], in.parts[0]...)
	in.parts = in.parts[1:]
	return nil
}

const testMaxBody = 1 << 20

// newTestServer returns a server with the proxy's handler.
func newTestServer(t testing.TB, sink ingest.Sink) *Server {
	t.Helper()
	encoder, err := metric.NewEncoder(metric.Options{Prefix: "prefix", MaxLine: 1432})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	return New(Options{
		ReadTimeout:  time.Minute,
		WriteTimeout: time.Minute,
		IdleTimeout:  time.Minute,
		Handler:      ingest.New(ingest.Options{MaxBody: testMaxBody, Encoder: encoder, Sink: sink, Logger: log}),
		Bodies:       exchange.NewBodyBudget(testMaxBody),
		Dates:        new(exchange.Dates),
		Draining:     new(atomic.Bool),
		IdleGrace:    new(atomic.Int64),
		Stopping:     context.Background(),
		LogPanic:     func(any) {},
	})
}

// newTestConn returns a connection that reads from in.
func newTestConn(s *Server, in Input) (*conn, *testConn) {
	out := &testConn{stats: exchange.NewStats()}
	return newConn(s, &Client{Conn: out, Input: in, Peer: netip.Addr{}, Remote: &net.TCPAddr{}, Stats: out.stats.Shard(), Timeout: time.Minute}), out
}

// checkStats checks the counters of a connection that has ended: each request has a duration.
func checkStats(t testing.TB, stats *exchange.Stats) (requests int) {
	t.Helper()
	sum, durations := stats.Snapshot(), 0
	sum.Requests(func(_ exchange.Route, _ int, n uint64) { requests += int(n) })
	for _, n := range sum.Buckets {
		durations += int(n)
	}
	if requests != durations || sum.Active != 0 {
		t.Errorf("%d requests have %d durations, %d connections are active", requests, durations, sum.Active)
	}
	return requests
}

// requestFrames writes requests as a client sends them.
type requestFrames struct {
	bytes.Buffer
	framer  *http2.Framer
	encoder *hpack.Encoder
	block   bytes.Buffer
	nextID  uint32
}

func newRequestFrames() *requestFrames {
	r := &requestFrames{nextID: 1}
	r.framer = http2.NewFramer(r, nil)
	r.framer.AllowIllegalWrites = true
	r.encoder = hpack.NewEncoder(&r.block)
	return r
}

// preface writes the preface with the first frame.
func (r *requestFrames) preface(settings ...http2.Setting) {
	r.WriteString(Preface)
	_ = r.framer.WriteSettings(settings...)
}

// headers writes the headers of a request; fields are names and values in turn.
func (r *requestFrames) headers(endsStream bool, fields ...string) (id uint32) {
	id = r.nextID
	r.nextID += 2
	_ = r.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: r.pack(fields...), EndStream: endsStream, EndHeaders: true})
	return id
}

// open writes the headers of a POST request whose body follows.
func (r *requestFrames) open(path string, fields ...string) (id uint32) {
	return r.headers(false, append([]string{":method", "POST", ":scheme", "https", ":path", path}, fields...)...)
}

// get writes a request without a body.
func (r *requestFrames) get(path string) (id uint32) {
	return r.headers(true, ":method", "GET", ":scheme", "https", ":path", path)
}

// raw writes a frame that the Framer would not write.
func (r *requestFrames) raw(kind http2.FrameType, flags http2.Flags, id uint32, payload string) {
	_ = r.framer.WriteRawFrame(kind, flags, id, []byte(payload))
}

// pack encodes fields; they are names and values in turn.
func (r *requestFrames) pack(fields ...string) []byte {
	r.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		_ = r.encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return r.block.Bytes()
}

// post writes a whole request.
func (r *requestFrames) post(path, body string, fields ...string) (id uint32) {
	id = r.headers(false, append([]string{":method", "POST", ":scheme", "https", ":authority", "h", ":path", path}, fields...)...)
	_ = r.framer.WriteData(id, true, []byte(body))
	return id
}

// take returns what was written, and begins anew.
func (r *requestFrames) take() []byte {
	defer r.Reset()
	return bytes.Clone(r.Bytes())
}
