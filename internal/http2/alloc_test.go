//go:build !race

package http2

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/metric"
)

// discardWriter is an http.ResponseWriter that costs nothing.
type discardWriter struct{ header http.Header }

func (w discardWriter) Header() http.Header          { clear(w.header); return w.header }
func (discardWriter) WriteHeader(int)                {}
func (discardWriter) Write(text []byte) (int, error) { return len(text), nil }

// discardConn is a connection without deadlines.
type discardConn struct{ net.Conn }

func (discardConn) SetReadDeadline(time.Time) error { return nil }

// discardSink is an ingest.Sink that costs nothing.
type discardSink struct{}

func (discardSink) Send([]byte, []int) error { return nil }

// TestAStreamAllocatesNothing leaves out what net/http allocates for a stream.
func TestAStreamAllocatesNothing(t *testing.T) {
	const target, contentType, text = "/count/some.key.name", "application/json", `{"value":100500,"tags":"env=prod,locale=en-us"}`
	encoder, err := metric.NewEncoder(metric.Options{Prefix: "prefix", MaxLine: 1432})
	if err != nil {
		t.Fatal(err)
	}
	const maxBody = 1 << 20
	log := slog.New(slog.DiscardHandler)
	s := New(Options{
		Handler:  ingest.New(ingest.Options{MaxBody: maxBody, Encoder: encoder, Sink: discardSink{}, Logger: log}),
		Bodies:   exchange.NewBodyBudget(maxBody),
		Dates:    new(exchange.Dates),
		Draining: new(atomic.Bool),
		Stopping: t.Context(),
		Logger:   log,
	})
	c := NewConn(discardConn{}, netip.Addr{}, exchange.NewStats().Shard())
	body := strings.NewReader(text)
	request := httptest.NewRequest("POST", "https://h"+target, body)
	request = request.WithContext(context.WithValue(t.Context(), connKey{}, c))
	request.RequestURI = target
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Origin", "https://shop.example")
	out := discardWriter{http.Header{}}
	allocs := testing.AllocsPerRun(100, func() {
		body.Reset(text)
		s.serveStream(out, request)
	})
	if allocs != 0 || out.header.Get("Vary") == "" {
		t.Errorf("%v allocations, headers %v", allocs, out.header)
	}
}
