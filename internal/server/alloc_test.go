//go:build !race

package server

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

	"statsd-http-proxy/internal/metric"
)

// discard is a Sink for measurements.
type discard struct{}

func (discard) Send([]byte, []int) error { return nil }

var benchRequests = []struct{ name, target, contentType, body string }{
	{"json", "/count/some.key.name", "application/json", `{"value":100500,"tags":"env=prod,locale=en-us"}`},
	{"form", "/timing/some.key.name", "application/x-www-form-urlencoded; charset=UTF-8", "value=320"},
	{"query", "/gauge/some%20key?value=-5", "", ""},
}

// newBench returns a Server that forwards to nowhere, and the work on a request
// to it, whose head may have more lines; see again.
func newBench(t testing.TB, target, contentType, body string, lines ...string) (*Server, *work) {
	t.Helper()
	encoder := newEncoder(t, metric.Options{Prefix: "prefix"})
	s := New(Options{MaxBody: 1 << 20, ReadTimeout: deadline, WriteTimeout: deadline, IdleTimeout: deadline, Encoder: encoder, Sink: discard{}, Logger: slog.New(slog.DiscardHandler)})
	side, _ := net.Pipe()
	c := &conn{Conn: side, server: s}
	c.in.unpark()
	c.in.w = copy(c.in.buffer[:], "POST "+target+" HTTP/1.1\r\nHost: h\r\nContent-Type: "+contentType+"\r\nOrigin: https://shop.example\r\n"+
		fmt.Sprintf("Content-Length: %d\r\n", len(body))+strings.Join(append(lines, "\r\n"), "\r\n")+body)
	w := again(c, nil)
	return s, w
}

// again reads the request of c once more; used is what it was worked on in
// before.
func again(c *conn, used *work) *work {
	if used != nil {
		putWork(used)
	}
	c.in.r, c.body = 0, message{}
	w, no := c.readHead()
	if no != nil {
		panic(no.message)
	}
	return w
}

func TestHandlingARequestAllocatesNothing(t *testing.T) {
	for _, r := range benchRequests {
		s, w := newBench(t, r.target, r.contentType, r.body)
		c := w.request.body.(*conn)
		allocs := testing.AllocsPerRun(100, func() {
			s.handle(w)
			if w.response.status != 200 {
				t.Fatalf("%s", w.response.body)
			}
			w.out = appendResponse(w.out[:0], &w.request, &w.response, s.dates.at(time.Now()), c.finish(w))
			w = again(c, w)
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", r.name, allocs)
		}
	}
}

// browserHead is what a browser sends before a metric.
const browserHead = "POST /count/some.key.name HTTP/1.1\r\nHost: metrics.shop.example\r\nConnection: keep-alive\r\nContent-Length: 47\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n" +
	"Content-Type: application/json\r\nAccept: */*\r\nOrigin: https://www.shop.example\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n" +
	"Referer: https://www.shop.example/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n"

func TestReadingAHeadAllocatesNothing(t *testing.T) {
	var q request
	head := []byte(browserHead)
	allocs := testing.AllocsPerRun(100, func() {
		if length, no := parseHead(head, &q); length != len(head) {
			t.Fatal(no)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkHead(b *testing.B) {
	var q request
	head := []byte(browserHead)
	b.ReportAllocs()
	b.SetBytes(int64(len(head)))
	for b.Loop() {
		_, _ = parseHead(head, &q)
	}
}

func BenchmarkHandle(b *testing.B) {
	for _, r := range benchRequests {
		b.Run(r.name, func(b *testing.B) {
			s, w := newBench(b, r.target, r.contentType, r.body)
			c := w.request.body.(*conn)
			b.ReportAllocs()
			for b.Loop() {
				s.handle(w)
				w.out = appendResponse(w.out[:0], &w.request, &w.response, s.dates.at(time.Now()), c.finish(w))
				w = again(c, w)
			}
		})
	}
}

// BenchmarkRequest measures the way of a request over a real connection and
// back, the client's part included: of one metric, of a batch of 100, and
// beside them the same requests to a server that does nothing.
func BenchmarkRequest(b *testing.B) {
	batch := strings.Repeat("some.key.name,env=prod,locale=en-us:1|c\n", 100)
	for _, r := range []struct{ name, target, body string }{
		{"one", benchRequests[0].target, benchRequests[0].body},
		{"batch", "/batch", batch},
	} {
		s, _ := newBench(b, r.target, "", r.body)
		request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", r.target, len(r.body), r.body)
		b.Run(r.name+"/proxy", func(b *testing.B) { roundTrips(b, s.Serve, request) })
		empty := &fasthttp.Server{Handler: func(*fasthttp.RequestCtx) {}, ReadTimeout: deadline, WriteTimeout: deadline}
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
	answer := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecompress(b *testing.B) {
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, _ = io.WriteString(w, strings.Repeat("some.key.name,env=prod,locale=en-us:1|c\n", 100))
	w.Close()
	s, work := newBench(b, "/batch", "text/plain", compressed.String(), "Content-Encoding: gzip")
	c := work.request.body.(*conn)
	b.ReportAllocs()
	for b.Loop() {
		s.handle(work)
		work = again(c, work)
	}
}
