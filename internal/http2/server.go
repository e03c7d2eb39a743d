// Package http2 serves HTTP/2 (RFC 9113) to connections that have chosen it in their
// TLS handshake. The protocol is net/http's: frames, flow control, and protection
// from floods of resets, pings and settings. This package passes its requests to an
// exchange.Handler.
//
//	transport ─ServeConn─▶ Conn ─▶ net/http ─▶ serveStream ─Begin, Serve─▶ handler
package http2

import (
	"context"
	"crypto/tls"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/loglimit"
)

// Limits of a connection. Each open request takes several kilobytes in addition to its
// body, so the number of open requests is small.
const (
	maxStreams    = 128       // open requests
	maxFrame      = 16 << 10  // bytes; the least that RFC 9113, section 4.2, allows
	receiveWindow = 256 << 10 // bytes of bodies that are received but not read, per connection and per stream
)

// Limits of the log of protocol errors, most of which are faults of clients.
const (
	eventsPerSecond = 10
	eventsBurst     = 50
)

// Options are the settings of a Server. All are required.
type Options struct {
	ReadTimeout  time.Duration // for a request with its body
	WriteTimeout time.Duration // for each write
	IdleTimeout  time.Duration // between the requests of a connection

	Handler  exchange.Handler
	Bodies   *exchange.BodyBudget
	Dates    *exchange.Dates
	Panics   *atomic.Uint64  // counts panics
	Draining *atomic.Bool    // set when the shutdown begins
	Stopping context.Context // ends when the shutdown begins
	Logger   *slog.Logger
}

// Server serves connections that speak HTTP/2.
type Server struct {
	options  Options
	http     http.Server
	accepted listener
	serving  sync.WaitGroup // http.Serve
}

// New returns a Server. Start has to be called before ServeConn.
func New(options Options) *Server {
	s := &Server{options: options, accepted: listener{conns: make(chan *tls.Conn), closed: make(chan struct{})}}
	s.http = http.Server{
		Handler:                      http.HandlerFunc(s.serveStream),
		ReadTimeout:                  options.ReadTimeout,
		WriteTimeout:                 options.ReadTimeout + options.WriteTimeout, // net/http counts it from the headers of the request
		IdleTimeout:                  options.IdleTimeout,
		MaxHeaderBytes:               2 * exchange.MaxHead, // net/http answers larger ones itself
		DisableGeneralOptionsHandler: true,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, connOf(c))
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(connOf(c).done)
			}
		},
		ErrorLog: log.New(eventLog{options.Logger, loglimit.New(options.Logger, "HTTP/2 events", eventsPerSecond, eventsBurst)}, "", 0),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReadFrameSize:              maxFrame,
			MaxReceiveBufferPerConnection: receiveWindow,
			MaxReceiveBufferPerStream:     receiveWindow,
		},
	}
	return s
}

// Start makes s accept connections until Close.
func (s *Server) Start() {
	s.serving.Go(func() { _ = s.http.Serve(&s.accepted) }) // its error only says that it was closed
}

// Shutdown sends GOAWAY on each connection and closes those without an open request.
// It does not wait.
func (s *Server) Shutdown() {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.http.Shutdown(ended) // an error says that connections are open
}

// Close ends s. All calls of ServeConn have to have returned.
func (s *Server) Close() {
	_ = s.http.Close()
	_ = s.accepted.Close()
	s.serving.Wait()
}

// listener hands connections to net/http, which takes them from a net.Listener only.
type listener struct {
	conns  chan *tls.Conn
	closed chan struct{}
	close  sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

// eventLog logs what net/http reports on connections, at the level debug.
type eventLog struct {
	log   *slog.Logger
	limit *loglimit.Limiter
}

func (l eventLog) Write(text []byte) (int, error) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) && l.limit.Allow() {
		l.log.Debug("HTTP/2", "event", string(text))
	}
	return len(text), nil
}
