package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/logtest"
	"statsd-http-proxy/internal/metric"
)

// deadline bounds every wait of these tests.
const deadline = 10 * time.Second

const secret = "somesecret"

// sink keeps what the server sends, by the groups of lines.
type sink struct {
	mu    sync.Mutex
	sent  []string
	fault error // what Send returns
}

func (s *sink) Send(lines []byte, ends []int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault != nil {
		return s.fault
	}
	start := 0
	for _, end := range ends {
		s.sent = append(s.sent, string(lines[start:end]))
		start = end + 1
	}
	if start != len(lines)+1 {
		return fmt.Errorf("the lines %q end at %v", lines, ends)
	}
	return nil
}

// take returns what was sent since it was called last.
func (s *sink) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// proxy is a Server on a port of its own.
type proxy struct {
	*Server
	t       testing.TB
	address string
	sink    *sink
	log     *logtest.Buffer
	stopped chan error // what Serve returned
}

// start starts a Server with a test's changes to some options.
func start(t testing.TB, change ...func(*Options)) *proxy {
	t.Helper()
	p := &proxy{t: t, sink: new(sink), log: new(logtest.Buffer), stopped: make(chan error, 1)}
	options := Options{
		ReadTimeout:  deadline,
		WriteTimeout: deadline,
		IdleTimeout:  deadline,
		MaxBody:      1 << 20,
		Encoder:      newEncoder(t, metric.Options{}),
		Sink:         p.sink,
		Logger:       slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if overHTTP2 {
		withTLS(&options)
	}
	for _, c := range change {
		c(&options)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.address = listener.Addr().String()
	p.Server = New(options)
	go func() { p.stopped <- p.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_ = p.Shutdown(ctx)
	})
	return p
}

func newEncoder(t testing.TB, options metric.Options) *metric.Encoder {
	t.Helper()
	options.MaxLine = 1432
	e, err := metric.NewEncoder(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// with changes how metrics are written.
func with(t testing.TB, options metric.Options) func(*Options) {
	return func(o *Options) { o.Encoder = newEncoder(t, options) }
}

func withTokens(o *Options) {
	keys, err := auth.LoadKeys(auth.KeySources{Secrets: []string{secret}})
	if err == nil {
		o.Verifier, err = auth.New(auth.Options{Keys: keys})
	}
	if err != nil {
		panic(err)
	}
}

func token(t testing.TB, claims jwt.MapClaims) string {
	t.Helper()
	if claims == nil {
		claims = jwt.MapClaims{} // which nil is not in JSON
	}
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// answer is what a client sees.
type answer struct {
	status int
	header http.Header
	body   string
	closes bool // the connection ends with it
}

// do sends a request, with headers as "Name: value".
func (p *proxy) do(method, target, body string, headers ...string) answer {
	p.t.Helper()
	if overHTTP2 {
		c := p.dialH2()
		defer c.conn.Close()
		return c.request(method, target, body, headers...)
	}
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n", method, target)
	for _, h := range headers {
		request += h + "\r\n"
	}
	if body != "" {
		request += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return p.raw(method, request+"\r\n"+body)
}

// raw sends bytes on a connection of their own and reads one answer.
func (p *proxy) raw(method, request string) answer {
	p.t.Helper()
	conn := p.dial()
	defer conn.Close()
	if p.options.GetCertificate != nil {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return p.roundTrip(conn, method, request)
}

func (p *proxy) roundTrip(conn net.Conn, method, request string) answer {
	p.t.Helper()
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, request)
		written <- err
	}()
	a := p.read(bufio.NewReader(conn), method)
	if err := <-written; err != nil {
		p.t.Errorf("the server does not read the request to its end: %v", err)
	}
	return a
}

func (p *proxy) read(r *bufio.Reader, method string) answer {
	p.t.Helper()
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		p.t.Fatalf("read the answer: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatalf("read the answer's body: %v", err)
	}
	return answer{response.StatusCode, response.Header, string(body), response.Close}
}

func (p *proxy) dial() net.Conn {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(deadline)); err != nil {
		p.t.Fatal(err)
	}
	return conn
}

// refuses checks that an answer is an error as promised, and that nothing was
// sent.
func (p *proxy) refuses(what string, a answer, status int, message string) {
	p.t.Helper()
	if len(what) > 80 {
		what = what[:80]
	}
	if a.status != status {
		p.t.Errorf("%q: status %d, want %d (%s)", what, a.status, status, a.body)
		return
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(a.body), &body); err != nil || len(body) != 1 || !strings.Contains(body["error"], message) {
		p.t.Errorf(`%q: body %s, want {"error":"…%s…"}`, what, a.body, message)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		p.t.Errorf("%q: content type %q", what, got)
	}
	if len(a.body) > 500 {
		p.t.Errorf("%q: the error has %d bytes", what, len(a.body))
	}
	if sent := p.sink.take(); sent != nil {
		p.t.Errorf("%q: refused, but %q was sent", what, sent)
	}
}

// forwards checks that an answer is an empty 200 and what was sent.
func (p *proxy) forwards(what string, a answer, want ...string) {
	p.t.Helper()
	if a.status != 200 || a.body != "" {
		p.t.Errorf("%q: got %d %s, want an empty 200", what, a.status, a.body)
	}
	if sent := p.sink.take(); !slices.Equal(sent, want) {
		p.t.Errorf("%q: sent %q, want %q", what, sent, want)
	}
}

// selfSigned returns a certificate for tests: that of the standard library's.
func selfSigned(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return &s.TLS.Certificates[0], nil
}
