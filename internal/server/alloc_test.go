//go:build !race

package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"testing"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/metric"
)

// discard is a Sink for measurements.
type discard struct{}

func (discard) Send([]byte) error { return nil }

var benchRequests = []struct{ name, target, contentType, body string }{
	{"json", "/count/some.key.name", "application/json", `{"value":100500,"tags":"env=prod,locale=en-us"}`},
	{"form", "/timing/some.key.name", "application/x-www-form-urlencoded; charset=UTF-8", "value=320"},
	{"query", "/gauge/some%20key?value=-5", "", ""},
}

// newBench returns a Server that forwards to nowhere, and a request to it.
func newBench(t testing.TB, target, contentType, body string) (*Server, *fasthttp.RequestCtx) {
	t.Helper()
	encoder, err := metric.NewEncoder("prefix", 1432)
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{MaxBody: 1 << 20, Encoder: encoder, Sink: discard{}, Logger: slog.New(slog.DiscardHandler)})
	ctx := new(fasthttp.RequestCtx)
	side, _ := net.Pipe()
	ctx.Init2(&conn{Conn: side}, nil, false)
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.SetRequestURI(target)
	ctx.Request.Header.SetContentType(contentType)
	ctx.Request.Header.Set("Origin", "https://shop.example")
	ctx.Request.SetBodyString(body)
	return s, ctx
}

func TestHandlingARequestAllocatesNothing(t *testing.T) {
	for _, r := range benchRequests {
		s, ctx := newBench(t, r.target, r.contentType, r.body)
		allocs := testing.AllocsPerRun(100, func() {
			s.handle(ctx)
			if ctx.Response.StatusCode() != 200 {
				t.Fatalf("%s", ctx.Response.Body())
			}
			ctx.Response.Reset()
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", r.name, allocs)
		}
	}
}

func BenchmarkHandle(b *testing.B) {
	for _, r := range benchRequests {
		b.Run(r.name, func(b *testing.B) {
			s, ctx := newBench(b, r.target, r.contentType, r.body)
			b.ReportAllocs()
			for b.Loop() {
				s.handle(ctx)
				ctx.Response.Reset()
			}
		})
	}
}

// BenchmarkRequest measures the way of a request over a real connection.
func BenchmarkRequest(b *testing.B) {
	r := benchRequests[0]
	s, _ := newBench(b, r.target, r.contentType, r.body)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = s.Serve(listener) }()
	defer s.Shutdown(context.Background())
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", r.target, r.contentType, len(r.body), r.body)
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
