// Package transport is the public HTTP listener: TLS, connections, timeouts and
// shutdown. It reads requests, hands them to an exchange.Handler and writes the
// responses. It knows no metrics.
//
//	           ┌▶ conn ─▶ http1.HeadParser, ChunkDecoder ─┐
//	listener ─▶│                                          ├▶ exchange.Handler
//	           └▶ http2.Server ───────────────────────────┘
//
// Over HTTP/1, each connection has a goroutine (conn.serve):
//
//	startTLS     one of few handshakes at a time              handshake
//	await        until a request begins                       idle
//	             serveArrived serves whole requests meanwhile active
//	readHead     into the Exchange                            active
//	Begin        the handler answers or wants the body
//	readBody     within the read timeout and the memory budget
//	Serve        the handler answers
//	afterwards   keep alive, drain, linger or close
//	respond      writes the response
package transport

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
	"statsd-http-proxy/internal/http2"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/logsum"
)

// Options are the settings of a Server. The ones without a remark are required.
type Options struct {
	ReadTimeout  time.Duration // for a whole request with its body
	WriteTimeout time.Duration // for a response
	IdleTimeout  time.Duration // between the requests of a connection
	MaxBody      int           // bytes; bounds the memory for all bodies together

	// GetCertificate returns the certificate for a new connection, as
	// tls.Config.GetCertificate does. nil serves plain HTTP.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	// ChallengeProtocol is an application protocol (ALPN) without requests: a connection
	// with it ends with its handshake, as in RFC 8737. Empty for none.
	ChallengeProtocol string

	// HandshakeTimeout is the time for a TLS handshake, and that for its first bytes
	// to arrive. The time in which a handshake waits for others does not count. Not
	// required without GetCertificate.
	HandshakeTimeout time.Duration

	// ProxyProtocol are the load balancers whose PROXY headers name the client; nil for
	// none.
	ProxyProtocol limit.TrustedProxies

	Conns *limit.Conns // limits open connections; nil for no limit

	Handler exchange.Handler
	Logger  *slog.Logger
}

// Server serves HTTP on a listener.
type Server struct {
	// Set by New.
	options     Options
	started     time.Time // when New was called
	log         *slog.Logger
	bodies      *exchange.BodyBudget
	idleTimeout string // the value of the Keep-Alive field
	http2       *http2.Server
	tls         *tls.Config // nil for plain HTTP
	gate        handshakeGate

	// Safe for concurrent use.
	dates     exchange.Dates
	date      atomic.Pointer[date] // the last one of dateAt
	stats     stats
	rejected  *logsum.Summary    // connections beyond the limits
	draining  atomic.Bool        // set when the shutdown begins
	idleGrace atomic.Int64       // time that a connection may be idle during the shutdown
	stopping  context.Context    // ends when the shutdown begins
	stop      context.CancelFunc // ends stopping
	serving   sync.WaitGroup     // Serve and each connection

	mu       sync.Mutex
	listener *listener          // nil before Serve
	conns    map[*conn]struct{} // the open connections
	isClosed bool               // the time for the shutdown is over
}

// New returns a Server with the given options.
func New(options Options) *Server {
	stopping, stop := context.WithCancel(context.Background())
	s := &Server{
		options:     options,
		started:     time.Now(),
		log:         options.Logger,
		bodies:      exchange.NewBodyBudget(options.MaxBody),
		idleTimeout: http1.IdleTimeout(options.IdleTimeout),
		rejected:    logsum.New(options.Logger),
		stopping:    stopping,
		stop:        stop,
		conns:       make(map[*conn]struct{}),
		gate:        newHandshakeGate(),
	}
	if options.GetCertificate != nil {
		s.tls = &tls.Config{
			GetCertificate: options.GetCertificate,
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"h2", "http/1.1"},
		}
		if options.ChallengeProtocol != "" {
			s.tls.NextProtos = append(s.tls.NextProtos, options.ChallengeProtocol)
		}
	}
	s.stats.requests = exchange.NewStats()
	s.http2 = http2.New(http2.Options{
		ReadTimeout:  options.ReadTimeout,
		WriteTimeout: options.WriteTimeout,
		IdleTimeout:  options.IdleTimeout,
		Handler:      options.Handler,
		Bodies:       s.bodies,
		Dates:        &s.dates,
		Draining:     &s.draining,
		IdleGrace:    &s.idleGrace,
		Stopping:     stopping,
		LogPanic:     s.logPanic,
	})
	return s
}

// Serve serves the connections of inner until Shutdown, then returns nil. It may be
// called once.
func (s *Server) Serve(inner net.Listener) error {
	l := newListener(inner, s)
	s.mu.Lock()
	s.listener = l
	s.serving.Add(1)
	s.mu.Unlock()
	defer s.serving.Done()
	if s.draining.Load() {
		return l.Close()
	}
	for {
		c, err := l.acceptConn()
		if err != nil {
			return nil // Shutdown has closed the listener
		}
		s.track(c)
		s.serving.Go(c.serve)
	}
}

// track adds an accepted connection to s.conns.
func (s *Server) track(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = struct{}{}
	s.stats.accepted.Add(1)
	s.stats.open.Add(1)
	if s.isClosed {
		_ = c.raw.Close()
	}
}

// untrack removes a closed connection from s.conns.
func (s *Server) untrack(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
	s.stats.open.Add(-1)
	if s.options.Conns != nil {
		s.options.Conns.Close(c.peer)
	}
}
