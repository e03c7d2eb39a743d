package auth

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// deadline limits each wait of a test.
const deadline = 20 * time.Second

// provider is the HTTP server of an identity provider. Its connections are in
// memory, so that tests can use virtual time.
type provider struct {
	mu      sync.Mutex
	handler http.HandlerFunc
	fetches atomic.Int64
	log     logtest.Buffer
}

// handle sets the handler of requests.
func (p *provider) handle(handler http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler = handler
}

func (p *provider) serve(text string) {
	p.handle(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.fetches.Add(1)
	p.mu.Lock()
	handler := p.handler
	p.mu.Unlock()
	handler(w, r)
}

// memoryListener is a net.Listener for connections in memory.
type memoryListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l memoryListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l memoryListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l memoryListener) Close() error {
	close(l.closed)
	return nil
}

func (l memoryListener) Addr() net.Addr { return &net.IPAddr{} }

// withProvider runs f in virtual time with a provider that serves text, and with
// a Verifier that has no other keys.
func withProvider(t *testing.T, text string, f func(t *testing.T, p *provider, v *Verifier)) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.serve(text)
		listener := memoryListener{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: p}
		var all sync.WaitGroup
		all.Go(func() { _ = server.Serve(listener) })
		v, err := newVerifier(Options{JWKSURL: "http://login.example/keys?key=hidden", Logger: slog.New(slog.NewTextHandler(&p.log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		transport := v.fetcher.client.Transport.(*http.Transport)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return listener.dial() }
		transport.Proxy = nil
		v.fetcher.start()
		synctest.Wait()
		f(t, p, v)
		v.Close()
		server.Close()
		all.Wait()
		if text := p.log.String(); strings.Contains(text, "hidden") {
			t.Errorf("the log shows the URL's query: %s", text)
		}
	})
}
