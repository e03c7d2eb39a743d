package transport_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

// TestAttacks checks that each attack gets one response, that the proxy reads nothing after
// it, and that other connections are not affected.
func TestAttacks(t *testing.T) {
	for _, config := range []struct {
		name   string
		change func(*proxytest.Options)
	}{{"plain", func(*proxytest.Options) {}}, {"with tokens", proxytest.WithTokens}} {
		t.Run(config.name, func(t *testing.T) {
			p := proxytest.Start(t, config.change)
			for _, a := range proxytest.Attacks {
				if p.Options.Verifier != nil && (a.Status != 400 && a.Status != 501 && a.Status != 505 || strings.Contains(a.Name, "chunks ")) {
					continue // the missing token is found first
				}
				withstands(p, a, a.Bytes+proxytest.Smuggled, false)
			}
		})
	}
}

// withstands sends text and checks that one response with the status of a comes back, and
// then the end of the connection.
func withstands(p *proxytest.Proxy, a proxytest.Attack, text string, halfClosed bool) {
	p.T.Helper()
	conn := p.Dial()
	defer conn.Close()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(conn, text) // the proxy may close the connection
		if halfClosed {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	reader := bufio.NewReader(conn)
	got := p.Read(reader, "POST")
	p.Rejects(a.Name, got, a.Status, "")
	if !got.Closes {
		p.T.Errorf("%.80q: the response does not say that the connection closes", a.Name)
	}
	if got.Header.Get("Server") != "" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		p.T.Errorf("%.80q: the response has the headers %v", a.Name, got.Header)
	}
	if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
		p.T.Errorf("%.80q: after the response came %q, %v, want the end", a.Name, rest, err)
	}
	<-written
	if sent := p.Sink.Take(); sent != nil {
		p.T.Errorf("%.80q: the proxy sent %q", a.Name, sent)
	}
	if p.Options.Verifier == nil {
		p.Forwards("another connection", p.Do("POST", "/count/k", "value=1"), "k:1|c")
	}
}

// TestUnusualRequestsAreServed sends requests that look odd but are well-formed.
func TestUnusualRequestsAreServed(t *testing.T) {
	p := proxytest.Start(t)
	for _, request := range []string{
		"\r\n\r\nPOST /count/k?value=1 HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /count/k?value=1 HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
		"POST /count/k HTTP/1.0\r\nContent-Length: 7\r\nExpect: other\r\n\r\nvalue=1", // HTTP/1.0 has no expectations
		"POST /count/k HTTP/1.1\r\nhOST:h\r\ncOntent-lENGTH:\t 0007 \t\r\n\r\nvalue=1",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nX: \xff\t\xc3\xa4\r\nY:\r\nZ: \t \r\n!#$%&'*+-.^_`|~09azAZ: x\r\nContent-Length: 7\r\n\r\nvalue=1",
		"POST /count/k HTTP/1.1\r\nHost: h\r\ntransfer-encoding:CHunked\r\n\r\n00000003;a=b;c=\"d e\"\r\nval\r\n4\r\nue=1\r\n000\r\nX-Trailer: y\r\n\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 7\r\n\r\nvalue=1", // the client sends the body at once
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\nvalue=1" + strings.Repeat("&", 30000-7),
	} {
		conn := p.Dial()
		reader := bufio.NewReader(conn)
		if _, err := io.WriteString(conn, request+"GET /heartbeat HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		a := p.Read(reader, "POST")
		p.Forwards(request, a, "k:1|c")
		if a.Closes { // HTTP/1.0
			continue
		}
		if a := p.Read(reader, "GET"); a.Status != 200 || a.Body != "OK" {
			t.Errorf("%.80q: the next request got %d %s", request, a.Status, a.Body)
		}
	}
	p.Forwards("UTF-8 in the target", p.Raw("POST", "POST /count/\xc3\xa4?value=1 HTTP/1.1\r\nHost: h\r\n\r\n"), "ä:1|c")
}

func TestRequestsThatEndEarlyAreRejected(t *testing.T) {
	p := proxytest.Start(t)
	const head = "POST /count/k HTTP/1.1\r\nHost: h\r\nOrigin: https://shop.example\r\n"
	for _, request := range []string{
		"P", "POST /count/k", "POST /count/k HTTP/1.1\r\n", head, head + "\r",
		head + "Content-Length: 8\r\n\r\n", head + "Content-Length: 8\r\n\r\nvalue=1", head + "Content-Length: 20000\r\n\r\nvalue=1",
		head + "Content-Length: 20000\r\n\r\nvalue=1" + strings.Repeat("&", 18000),
		head + "Transfer-Encoding: chunked\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n7", head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1",
		head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1\r\n", head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1\r\n0\r\n", head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1\r\n0\r\nX: y\r\n",
	} {
		withstands(p, proxytest.Attack{Name: "ends: " + request, Status: 400}, request, true)
	}
	silent := func(request string) {
		t.Helper()
		conn := p.Dial()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		p.EndsSilently(conn)
	}
	silent("")
	silent("\r\n\r\n\r\n")
}

// TestRequestsMayArriveInPieces splits requests at every byte. The kernel may join some
// pieces.
func TestRequestsMayArriveInPieces(t *testing.T) {
	plain, secure := proxytest.Start(t), proxytest.Start(t, func(o *proxytest.Options) { o.GetCertificate = proxytest.SelfSigned })
	const head = "\r\nPOST /count/k HTTP/1.1\r\nHost: h\r\n"
	for _, request := range []string{
		head + "Content-Length: 7\r\n\r\nvalue=1",
		head + "Transfer-Encoding: chunked\r\n\r\n3\r\nval\r\n4\r\nue=1\r\n0\r\nX: y\r\n\r\n",
	} {
		for p, conn := range map[*proxytest.Proxy]net.Conn{
			plain:  plain.Dial(),
			secure: tls.Client(secure.Dial(), &tls.Config{InsecureSkipVerify: true}),
		} {
			reader := bufio.NewReader(conn)
			for i := range request {
				fmt.Fprint(conn, request[:i])
				fmt.Fprint(conn, request[i:])
				p.Forwards(fmt.Sprintf("%q, %q", request[:i], request[i:]), p.Read(reader, "POST"), "k:1|c")
			}
			for i := range request {
				fmt.Fprint(conn, request[i:i+1])
			}
			p.Forwards("byte by byte", p.Read(reader, "POST"), "k:1|c")
		}
	}
}

func TestContinueIsSentBeforeTheBody(t *testing.T) {
	p := proxytest.Start(t)
	for _, framing := range []struct{ header, body string }{
		{"Content-Length: 7", "value=1"}, {"Content-Length: 20000", "value=1" + strings.Repeat("&", 20000-7)}, {"Transfer-Encoding: chunked", "7\r\nvalue=1\r\n0\r\n\r\n"},
	} {
		conn := p.Dial()
		reader := bufio.NewReader(conn)
		for range 2 {
			fmt.Fprintf(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n%s\r\n\r\n", framing.header)
			if a, err := http.ReadResponse(reader, nil); err != nil || a.StatusCode != 100 {
				t.Fatalf("got %v, %v, want 100", a, err)
			}
			fmt.Fprint(conn, framing.body)
			p.Forwards(framing.header, p.Read(reader, "POST"), "k:1|c")
		}
	}
}
