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
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/metric"
)

// maxHead is how many bytes a request's line and headers may take, and so how
// much memory a connection holds for reading.
const maxHead = 16 << 10

// Sink takes the lines of accepted metrics.
type Sink interface {
	// Send accepts lines, joined by line feeds, or returns an error and
	// accepts none. Those up to each of ends stay together. It keeps neither
	// slice after it returns.
	Send(lines []byte, ends []int) error
}

// Options are the settings of a Server. All but GetCertificate and Verifier are
// required.
type Options struct {
	ReadTimeout  time.Duration // for a whole request with its body
	WriteTimeout time.Duration // for an answer
	IdleTimeout  time.Duration // between the requests of a connection
	MaxBody      int           // in bytes

	// GetCertificate returns the certificate for a new connection, as that of
	// tls.Config does. nil serves plain HTTP.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)

	Verifier *auth.Verifier // nil lets every request in

	Encoder *metric.Encoder
	Sink    Sink
	Logger  *slog.Logger
}

// Server serves the HTTP interface of the proxy.
type Server struct {
	options  Options
	log      *slog.Logger
	debug    bool // whether the log wants each line and each refusal
	http     fasthttp.Server
	draining atomic.Bool

	// heads holds a headCopy, by the *fasthttp.RequestHeader that it was made
	// from, for requests whose body is large or of unknown size, until it is
	// read: the library forgets a request whose body fails.
	heads sync.Map
}

// New returns a Server with the given options.
func New(options Options) *Server {
	s := &Server{
		options: options,
		log:     options.Logger,
		debug:   options.Logger.Enabled(context.Background(), slog.LevelDebug),
	}
	s.http = fasthttp.Server{
		Handler:            s.handle,
		HeaderReceived:     s.headReceived,
		ErrorHandler:       s.requestFailed,
		ConnState:          s.connState,
		ReadTimeout:        options.ReadTimeout,
		WriteTimeout:       options.WriteTimeout,
		IdleTimeout:        options.IdleTimeout,
		ReadBufferSize:     maxHead,
		MaxRequestBodySize: options.MaxBody,
		CloseOnShutdown:    true,

		// Package decode reads multipart forms, in memory and within MaxBody.
		DisablePreParseMultipartForm: true,

		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,

		// The library's messages quote requests, tokens included. What an
		// operator has to know is logged here.
		Logger: silence{},
	}
	return s
}

type silence struct{}

func (silence) Printf(string, ...any) {}

// Serve answers the connections of listener until Shutdown, then returns nil.
func (s *Server) Serve(listener net.Listener) error {
	return s.http.Serve(newListener(listener, s.options.GetCertificate, s.log))
}

// Shutdown stops accepting connections, finishes the requests that have begun
// and returns when their answers are written or ctx is done, with its error.
// A request that begins later is answered 503.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	return s.http.ShutdownWithContext(ctx)
}
