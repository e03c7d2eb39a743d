// Package server is the public HTTP listener: it routes and admits requests,
// hands their bytes to packages decode and metric, and what these make of them
// to a Sink. It answers CORS, limits sizes and times, and speaks TLS.
//
// The verdicts on a request fall in a fixed order: route, method, token, size
// and type of the body, then the metric itself. A request without a valid
// token learns nothing about its body.
package server

import (
	"context"
	"crypto/tls"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
)

// maxHead is how many bytes a request's line and headers may take, and so how
// much memory a connection needs for reading.
const maxHead = 16 << 10

// Sink takes the lines of accepted metrics.
type Sink interface {
	// Send accepts lines, joined by line feeds, or returns an error and
	// accepts none. Those up to each of ends stay together. It keeps neither
	// slice after it returns.
	Send(lines []byte, ends []int) error
}

// Options are the settings of a Server. Those of the first and the last group
// are required.
type Options struct {
	ReadTimeout  time.Duration // for a whole request with its body
	WriteTimeout time.Duration // for an answer
	IdleTimeout  time.Duration // between the requests of a connection
	MaxBody      int           // in bytes

	// GetCertificate returns the certificate for a new connection, as that of
	// tls.Config does. nil serves plain HTTP.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	Origins  Origins        // of pages that may send; nil for all
	Verifier *auth.Verifier // nil lets every request in

	TrustedProxies limit.TrustedProxies // whose X-Forwarded-For tells the client's address
	Conns          *limit.Conns         // nil for no limit; and so the next two
	Rates          *limit.Rates
	Series         *limit.Series

	// Pages answers each GET and HEAD of what is no route of the interface. The
	// requests' contexts end when Shutdown is called or the client is gone; over
	// HTTP/1 they have no headers. nil for 404.
	Pages http.Handler

	Encoder *metric.Encoder
	Sink    Sink
	Logger  *slog.Logger
}

// Server serves the HTTP interface of the proxy.
type Server struct {
	options  Options
	log      *slog.Logger
	debug    bool // whether the log wants each line and each refusal
	dates    dates
	draining atomic.Bool
	stopping context.Context // ends when the server drains
	stop     context.CancelFunc

	// What is logged now and then only: that a limit is at work.
	crowded, guarded, full rate.Sometimes

	held     atomic.Int64 // bytes of memory that bodies hold
	refusals *refusalLimit

	// heavy has a place for each large or compressed body that may be worked on
	// at once: that takes no time but the processors', and memory.
	heavy chan struct{}

	h2       *h2
	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{} // those that are open
	running  sync.WaitGroup     // has each connection, and Serve
}

// New returns a Server with the given options.
func New(options Options) *Server {
	stopping, stop := context.WithCancel(context.Background())
	s := &Server{
		stopping: stopping,
		stop:     stop,
		options:  options,
		log:      options.Logger,
		debug:    options.Logger.Enabled(context.Background(), slog.LevelDebug),
		refusals: newRefusalLimit(options.Logger),
		heavy:    make(chan struct{}, runtime.GOMAXPROCS(0)),
		conns:    make(map[*conn]struct{}),
		crowded:  rate.Sometimes{Interval: limitInterval},
		guarded:  rate.Sometimes{Interval: limitInterval},
		full:     rate.Sometimes{Interval: limitInterval},
	}
	s.h2 = newH2(s)
	return s
}

// Serve answers the connections of listener until Shutdown, then returns nil.
func (s *Server) Serve(listener net.Listener) error {
	l := newListener(listener, s)
	s.mu.Lock()
	s.listener = l
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	if s.draining.Load() {
		return l.Close()
	}
	if l.tls != nil {
		s.h2.start()
	}
	for {
		c, err := l.acceptConn()
		if err != nil {
			return nil // it is closed
		}
		s.opened(c)
		s.running.Go(c.serve)
	}
}

// lateTime is how long connections on which no request has begun are kept when
// the server stops: a client that does not know yet gets 503 for its request,
// and so may try again, which it may not if the connection just breaks.
const lateTime = 500 * time.Millisecond

// Shutdown stops accepting connections, finishes the requests that have begun,
// answers those that begin later with 503, and returns when all connections are
// closed. When ctx is done before, it closes them all and returns its error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	s.stop()
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close() // an error means that it is closed
	}
	s.mu.Unlock()
	wait := lateTime
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(deadline)/2)
	}
	late := time.AfterFunc(wait, s.closeIdle)
	stop := context.AfterFunc(ctx, s.closeAll)
	s.running.Wait()
	s.h2.stop()
	late.Stop()
	s.refusals.flush()
	if !stop() {
		return ctx.Err()
	}
	return nil
}

// closeIdle closes the connections on which no request has begun, and has those
// that speak HTTP/2 begin no more.
func (s *Server) closeIdle() {
	s.h2.finish()
	s.mu.Lock()
	open := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range open {
		c.closeIdle()
	}
}

// closeAll closes all connections, whatever they are at.
func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.raw.Close()
	}
}

// opened is called with each connection that was accepted.
func (s *Server) opened(c *conn) {
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	if s.draining.Load() {
		c.closeIdle()
	}
}

// forget is called with each connection that is closed.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	if s.options.Conns != nil {
		s.options.Conns.Close(c.peer)
	}
}
