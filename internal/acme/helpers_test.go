package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

const testDomain = "metrics.shop.example"

// fakeServer is an ACME server that answers every request in the same way.
type fakeServer struct {
	*httptest.Server
	requests atomic.Int64
}

func startServer(t *testing.T, answer http.HandlerFunc) *fakeServer {
	t.Helper()
	s := &fakeServer{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func answerWith(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// result is what a Manager reports: an attempt that ended with an error.
type result chan error

// open opens a Manager for testDomain. The test ends it.
func open(t *testing.T, cache, server string) (*Manager, result, *testutil.Output) {
	t.Helper()
	log, results := new(testutil.Output), make(result, 100)
	m, err := Open(Options{
		Domains:   []string{testDomain, testDomain},
		Cache:     cache,
		Directory: server,
		Logger:    slog.New(slog.NewTextHandler(log, nil)),
		Fetched:   func(err error) { results <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m, results, log
}

// next returns the next result.
func (r result) next(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r:
		return err
	case <-time.After(testutil.Patience):
		t.Fatal("waited in vain for an attempt to get a certificate")
		return nil
	}
}

// selfSigned returns a certificate for a domain, as text for the cache.
func selfSigned(t *testing.T, name string, start, end time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: start, NotAfter: end, DNSNames: []string{name}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := encode(key, [][]byte{der})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// handshake does a TLS handshake with m for a server name.
func handshake(t *testing.T, m *Manager, name string, protocols ...string) (tls.ConnectionState, error) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	server.TLS = &tls.Config{GetCertificate: m.GetCertificate, NextProtos: []string{"http/1.1", Protocol}}
	listener := tls.NewListener(server.Listener, server.TLS)
	server.Listener = listener
	server.Start()
	defer server.Close()
	conn, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protocols})
	if err != nil {
		return tls.ConnectionState{}, err
	}
	defer conn.Close()
	return conn.ConnectionState(), nil
}

// isAlert reports whether err is the given alert of the server.
func isAlert(err error, alert string) bool { return err != nil && strings.Contains(err.Error(), alert) }
