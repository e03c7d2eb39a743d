//go:build !race

package transport

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
)

// discard is a Sink for measurements.
type discard struct{}

func (discard) Send([]byte, []int) error { return nil }

var benchRequests = []struct{ name, target, contentType, body string }{
	{"json", "/count/some.key.name", "application/json", `{"value":100500,"tags":"env=prod,locale=en-us"}`},
	{"form", "/timing/some.key.name", "application/x-www-form-urlencoded; charset=UTF-8", "value=320"},
	{"query", "/gauge/some%20key?value=-5", "", ""},
	{"lines", "/batch", "text/plain", benchBatch("", "web.page%02d.load,env=prod,locale=en-us:1|c", "\n", "")},
	{"batchjson", "/batch", "application/json", benchBatch("[",
		`{"metric": "web.page%02d.load", "metric_type": "count", "value": 1, "tags": "env=prod,locale=en-us"}`, ",", "]")},
	{"varied", "/batch", "text/plain", benchBatch("", "web.page%02[1]d.load,env=prod,page=p%[1]d,user=u%[1]d:1%[1]d|c", "\n", "")},
	{"variedjson", "/batch", "application/json", benchBatch("[",
		`{"metric":"web.page%02[1]d.load","metric_type":"count","value":1%[1]d,"tags":{"env":"prod","page":"p%[1]d","user":"u%[1]d"}}`, ",", "]")},
}

// benchBatch returns a batch of 100 entries. entry is the format of an entry, for its
// number.
func benchBatch(before, entry, separator, after string) string {
	entries := make([]string, 100)
	for i := range entries {
		entries[i] = fmt.Sprintf(entry, i)
	}
	return before + strings.Join(entries, separator) + after
}

const benchTimeout = 10 * time.Second

// newBenchServer returns a Server whose handler sends to nowhere.
func newBenchServer(t testing.TB) *Server {
	t.Helper()
	encoder, err := metric.NewEncoder(metric.Options{Prefix: "prefix", MaxLine: 1432})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	const maxBody = 1 << 20
	return New(Options{
		ReadTimeout: benchTimeout, WriteTimeout: benchTimeout, IdleTimeout: benchTimeout,
		MaxBody: maxBody,
		Handler: ingest.New(ingest.Options{MaxBody: maxBody, Encoder: encoder, Sink: discard{}, Logger: log, TagKeys: limit.NewTagKeys(200)}),
		Logger:  log,
	})
}

// sinkConn is a connection that takes any response.
type sinkConn struct{ net.Conn }

func (sinkConn) Write(text []byte) (int, error)   { return len(text), nil }
func (sinkConn) SetWriteDeadline(time.Time) error { return nil }

// newBenchConn returns a connection that has received a request, with more header fields in
// lines.
func newBenchConn(t testing.TB, target, contentType, body string, lines ...string) *conn {
	c := &conn{Conn: sinkConn{}, server: newBenchServer(t), stats: exchange.NewStats().Shard()}
	c.in.acquireBuffer()
	c.in.w = copy(c.in.buffer[:], "POST "+target+" HTTP/1.1\r\nHost: h\r\nContent-Type: "+contentType+"\r\nOrigin: https://shop.example\r\n"+
		fmt.Sprintf("Content-Length: %d\r\n", len(body))+strings.Join(append(lines, "\r\n"), "\r\n")+body)
	return c
}

// serveAgain serves the request of c once more.
func serveAgain(t testing.TB, c *conn) {
	c.in.r = 0
	if !c.serveRequest() {
		t.Fatal("the connection would close")
	}
}

// checkedHandler checks that each request is answered with 200.
type checkedHandler struct {
	exchange.Handler
	t testing.TB
}

func (h checkedHandler) Serve(x *exchange.Exchange) {
	h.Handler.Serve(x)
	if x.Response.Status != 200 {
		h.t.Errorf("%s", x.Response.Body)
	}
}

func TestServingARequestAllocatesNothing(t *testing.T) {
	for _, r := range benchRequests {
		c := newBenchConn(t, r.target, r.contentType, r.body)
		c.server.options.Handler = checkedHandler{c.server.options.Handler, t}
		allocs := testing.AllocsPerRun(100, func() { serveAgain(t, c) })
		if allocs != 0 {
			t.Errorf("%s: %v allocations", r.name, allocs)
		}
	}
}

func BenchmarkServe(b *testing.B) {
	for _, r := range benchRequests {
		b.Run(r.name, func(b *testing.B) {
			c := newBenchConn(b, r.target, r.contentType, r.body)
			b.ReportAllocs()
			for b.Loop() {
				serveAgain(b, c)
			}
		})
	}
}

// BenchmarkRequest measures requests over a real connection, with the client's part: one
// metric, and a batch of 100. A server that does nothing gets the same requests.
func BenchmarkRequest(b *testing.B) {
	batch := strings.Repeat("some.key.name,env=prod,locale=en-us:1|c\n", 100)
	for _, r := range []struct{ name, target, body string }{
		{"one", benchRequests[0].target, benchRequests[0].body},
		{"batch", "/batch", batch},
	} {
		s := newBenchServer(b)
		request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", r.target, len(r.body), r.body)
		b.Run(r.name+"/proxy", func(b *testing.B) { roundTrips(b, s.Serve, request) })
		empty := &fasthttp.Server{Handler: func(*fasthttp.RequestCtx) {}, ReadTimeout: benchTimeout, WriteTimeout: benchTimeout}
		b.Run(r.name+"/empty", func(b *testing.B) { roundTrips(b, empty.Serve, request) })
	}
}

// roundTrips sends the same request again and again.
func roundTrips(b *testing.B, serve func(net.Listener) error, request []byte) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = serve(listener) }()
	defer listener.Close()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	response := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(response); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecompress(b *testing.B) {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, _ = io.WriteString(w, strings.Repeat("some.key.name,env=prod,locale=en-us:1|c\n", 100))
	w.Close()
	c := newBenchConn(b, "/batch", "text/plain", compressed.String(), "Content-Encoding: gzip")
	b.ReportAllocs()
	for b.Loop() {
		serveAgain(b, c)
	}
}
