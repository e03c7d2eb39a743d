package transport_test

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	diff "github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/proxytest"
)

// TestHTTP2RespondsAsHTTP1ToNetHTTP sends the same requests with net/http's client over
// HTTP/1, over HTTP/2 with TLS and over HTTP/2 without.
func TestHTTP2RespondsAsHTTP1ToNetHTTP(t *testing.T) {
	plain, secure := proxytest.Start(t), proxytest.Start(t, proxytest.WithTLS)
	client := func(set func(*http.Protocols)) *http.Client {
		protocols := new(http.Protocols)
		set(protocols)
		transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport, Timeout: proxytest.Timeout}
	}
	over := []struct {
		name, url string
		proto     int
		client    *http.Client
	}{
		{"HTTP/1", "http://" + plain.Address, 1, client(func(p *http.Protocols) { p.SetHTTP1(true) })},
		{"HTTP/2", "https://" + secure.Address, 2, client(func(p *http.Protocols) { p.SetHTTP2(true) })},
		{"HTTP/2 without TLS", "http://" + plain.Address, 2, client(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })},
	}
	f := func(method, target, body string, headers ...string) {
		t.Helper()
		var want string
		for _, o := range over {
			request, err := http.NewRequest(method, o.url+target, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			for _, header := range headers {
				name, value, _ := strings.Cut(header, ": ")
				request.Header.Add(name, value)
			}
			response, err := o.client.Do(request)
			if err != nil {
				t.Fatalf("%s %s over %s: %v", method, target, o.name, err)
			}
			text, err := io.ReadAll(response.Body)
			if err != nil || response.ProtoMajor != o.proto {
				t.Errorf("%s %s over %s: %v, %s", method, target, o.name, err, response.Proto)
			}
			response.Body.Close()
			for _, name := range []string{"Date", "Keep-Alive"} {
				if name == "Date" && response.Header.Get(name) == "" {
					t.Errorf("%s %s over %s: no date", method, target, o.name)
				}
				response.Header.Del(name)
			}
			if len(text) == 0 && method != "HEAD" {
				response.Header.Del("Content-Length") // HTTP/1 has to say 0
			}
			got := fmt.Sprintf("%d %v %s", response.StatusCode, response.Header, text)
			if want = cmp.Or(want, got); got != want {
				t.Errorf("%s %s over %s: %s", method, target, o.name, diff.Diff(want, got))
			}
		}
	}
	const origin = "Origin: https://shop.example"
	f("POST", "/count/k", "value=1")
	f("POST", "/count/k?value=1", "")
	f("POST", "/count/k", `{"value":1}`, "Content-Type: application/json", origin)
	f("POST", "/count/k", "value=x", origin)
	f("POST", "/batch", "k:1|c\nx\n", origin)
	f("POST", "/batch", strings.Repeat("k:1|c\n", 50_000))
	f("POST", "/count/k", strings.Repeat("x", 2<<20))
	f("POST", "/count/k", "value=1", "Content-Type: text/xml")
	f("POST", "/nonsense", "value=1")
	f("GET", "/count/k", "")
	f("GET", "/heartbeat", "")
	f("HEAD", "/heartbeat", "")
	f("OPTIONS", "/count/k", "", origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-a, x-b")
	f("POST", "/count/k", "value=1", "X-Long: "+strings.Repeat("x", 17<<10))
}

// TestPrefaceChoosesHTTP2WithoutTLS sends the preface of HTTP/2 in parts, and what only looks
// like it.
func TestPrefaceChoosesHTTP2WithoutTLS(t *testing.T) {
	p := proxytest.Start(t)
	conn := p.Dial()
	for _, part := range []string{http2.ClientPreface[:1], http2.ClientPreface[1:18], http2.ClientPreface[18:]} {
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatal(err)
		}
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	// f reads frames until one of the given type.
	f := func(want http2.FrameType, wantFlags http2.Flags) {
		t.Helper()
		for {
			frame, err := framer.ReadFrame()
			if err != nil {
				t.Fatalf("got %v before a frame %v with the flags %#x", err, want, wantFlags)
			}
			if h := frame.Header(); h.Type == want && h.Flags == wantFlags {
				return
			}
		}
	}
	f(http2.FrameSettings, 0)
	f(http2.FrameSettings, http2.FlagSettingsAck)

	// It holds for the whole connection: a request of HTTP/1 is a bad frame.
	if _, err := io.WriteString(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	f(http2.FrameGoAway, 0)
	if sent := p.Sink.Take(); sent != nil {
		t.Errorf("a request of HTTP/1 within HTTP/2 sent %q", sent)
	}

	// It has to be the first request.
	conn = p.Dial()
	if _, err := io.WriteString(conn, "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n"+http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	responses := bufio.NewReader(conn)
	for _, want := range []int{200, 505} {
		if a := p.Read(responses, "GET"); a.Status != want {
			t.Errorf("got %d %s, want %d", a.Status, a.Body, want)
		}
	}
	p.Rejects("another request of this kind", p.Raw("GET", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n"), 505, "version")

	// Such a client understands no response.
	conn = p.Dial()
	if _, err := io.WriteString(conn, "INVALID CONNECTION PREFACE\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || len(answer) > 0 {
		t.Errorf("a wrong preface: got %q, %v, want the end of the connection", answer, err)
	}
}
