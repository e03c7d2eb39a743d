// Package proxytest runs the HTTP side of the proxy for tests: a transport.Server with an
// ingest.Handler, on a port of its own, and clients that speak HTTP/1 and HTTP/2 byte by
// byte. Only tests import it.
package proxytest

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/logtest"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/transport"
)

// Timeout bounds every wait of a test.
const Timeout = 10 * time.Second

// Secret is the secret of WithTokens.
const Secret = "somesecret"

type (
	transportOptions = transport.Options
	ingestOptions    = ingest.Options
)

// Options are the settings of both parts. MaxBody and Logger hold for both.
type Options struct {
	transportOptions
	ingestOptions
	MaxBody int
	Logger  *slog.Logger
}

// Proxy is a proxy without a sender: lines end in Sink.
type Proxy struct {
	*transport.Server
	Handler *ingest.Handler
	Options Options
	T       testing.TB
	Address string
	Sink    *Sink
	Log     *logtest.Buffer // of all levels
	Stopped chan error      // what Serve has returned
	Begun   *atomic.Int64   // requests whose head has arrived

	dial       func() (net.Conn, error)
	isInBubble bool
}

// countingHandler counts the requests that begin.
type countingHandler struct {
	exchange.Handler
	begun *atomic.Int64
}

func (h countingHandler) Begin(x *exchange.Exchange) (wantsBody bool) {
	h.begun.Add(1)
	return h.Handler.Begin(x)
}

// OverHTTP2 makes Start and Proxy.Do speak HTTP/2.
var OverHTTP2 bool

// Start starts a Proxy with changes to its options. The end of the test stops it.
func Start(t testing.TB, changes ...func(*Options)) *Proxy {
	t.Helper()
	listener, err := transport.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := New(t, changes...)
	p.Address = listener.Addr().String()
	p.dial = func() (net.Conn, error) { return net.Dial("tcp", p.Address) }
	go func() { p.Stopped <- p.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = p.Shutdown(ctx)
	})
	return p
}

// New returns a Proxy that does not serve yet.
func New(t testing.TB, changes ...func(*Options)) *Proxy {
	t.Helper()
	p := &Proxy{T: t, Sink: new(Sink), Log: new(logtest.Buffer), Begun: new(atomic.Int64), Stopped: make(chan error, 1)}
	o := Options{
		transportOptions: transport.Options{ReadTimeout: Timeout, WriteTimeout: Timeout, IdleTimeout: Timeout, HandshakeTimeout: Timeout},
		ingestOptions:    ingest.Options{Encoder: NewEncoder(t, metric.Options{}), Sink: p.Sink},
		MaxBody:          1 << 20,
		Logger:           slog.New(slog.NewTextHandler(p.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if OverHTTP2 {
		WithTLS(&o)
	}
	for _, change := range changes {
		change(&o)
	}
	o.ingestOptions.MaxBody, o.ingestOptions.Logger = o.MaxBody, o.Logger
	p.Handler = ingest.New(o.ingestOptions)
	o.Handler = countingHandler{p.Handler, p.Begun}
	o.transportOptions.MaxBody, o.transportOptions.Logger = o.MaxBody, o.Logger
	p.Server = transport.New(o.transportOptions)
	p.Options = o
	return p
}

// Shutdown shuts the server down, then flushes the log of rejections.
func (p *Proxy) Shutdown(ctx context.Context) error {
	defer p.Handler.FlushLog()
	return p.Server.Shutdown(ctx)
}

// NewEncoder returns an encoder for datagrams of 1,432 bytes.
func NewEncoder(t testing.TB, options metric.Options) *metric.Encoder {
	t.Helper()
	options.MaxLine = 1432
	e, err := metric.NewEncoder(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// WithMetrics changes how metrics are encoded.
func WithMetrics(t testing.TB, options metric.Options) func(*Options) {
	return func(o *Options) { o.Encoder = NewEncoder(t, options) }
}

// WithTLS serves TLS, so that clients can choose HTTP/2.
func WithTLS(o *Options) { o.GetCertificate = SelfSigned }

// WithTokens requires tokens that are signed with Secret.
func WithTokens(o *Options) {
	keys, err := auth.LoadKeys(auth.KeySources{Secrets: []string{Secret}})
	if err == nil {
		o.Verifier, err = auth.New(auth.Options{Keys: keys})
	}
	if err != nil {
		panic(err)
	}
}

// Token returns a token for WithTokens.
func Token(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	if claims == nil {
		claims = jwt.MapClaims{} // nil would be null in JSON
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(Secret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// SelfSigned returns a certificate for tests: that of net/http/httptest.
func SelfSigned(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }

var certificate = func() tls.Certificate {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return s.TLS.Certificates[0]
}()

// Poll waits until isDone returns true.
func Poll(t testing.TB, isDone func() bool) {
	t.Helper()
	for start := time.Now(); !isDone(); time.Sleep(time.Millisecond) {
		if time.Since(start) > Timeout {
			t.Fatal("the condition did not become true in time")
		}
	}
}

// EndsWell checks that a Shutdown, which sends its result to shut, and Serve return
// without an error.
func (p *Proxy) EndsWell(shut chan error) {
	p.T.Helper()
	for _, done := range []chan error{shut, p.Stopped} {
		select {
		case err := <-done:
			if err != nil {
				p.T.Error(err)
			}
		case <-time.After(Timeout):
			p.T.Fatal("the shutdown does not end")
		}
	}
}
