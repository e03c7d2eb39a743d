package proxytest

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Response is a response as a client sees it.
type Response struct {
	Status int
	Header http.Header
	Body   string
	Closes bool // the connection ends with it
}

// Do sends a request, with header fields as "Name: value", on a connection of its own.
func (p *Proxy) Do(method, target, body string, headers ...string) Response {
	p.T.Helper()
	if OverHTTP2 {
		c := p.DialHTTP2()
		defer func() { _ = c.Conn.Close() }()
		return c.Do(method, target, body, headers...)
	}
	request := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n", method, target)
	for _, h := range headers {
		request += h + "\r\n"
	}
	if body != "" {
		request += fmt.Sprintf("Content-Length: %d\r\n", len(body))
	}
	return p.Raw(method, request+"\r\n"+body)
}

// Raw sends bytes on a connection of their own and reads one response.
func (p *Proxy) Raw(method, request string) Response {
	p.T.Helper()
	conn := p.Dial()
	defer conn.Close()
	if p.Options.GetCertificate != nil {
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	return p.RoundTrip(conn, method, request)
}

// RoundTrip sends bytes on conn and reads one response. The proxy has to read all bytes.
func (p *Proxy) RoundTrip(conn net.Conn, method, request string) Response {
	p.T.Helper()
	written := make(chan error, 1)
	go func() {
		_, err := io.WriteString(conn, request)
		written <- err
	}()
	r := p.Read(bufio.NewReader(conn), method)
	if err := <-written; err != nil {
		p.T.Errorf("the server does not read the request to its end: %v", err)
	}
	return r
}

// Read reads the response to a request with that method.
func (p *Proxy) Read(r *bufio.Reader, method string) Response {
	p.T.Helper()
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		p.T.Fatalf("read the response: %v", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		p.T.Fatalf("read the body of the response: %v", err)
	}
	return Response{response.StatusCode, response.Header, string(body), response.Close}
}

// Dial opens a connection, which the end of the test closes.
func (p *Proxy) Dial() net.Conn {
	p.T.Helper()
	conn, err := p.dial()
	if err != nil {
		p.T.Fatal(err)
	}
	p.T.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(Timeout)); err != nil {
		p.T.Fatal(err)
	}
	return conn
}

// Rejects checks that a response is an error whose text contains message, and that the
// proxy has sent nothing.
func (p *Proxy) Rejects(what string, r Response, status int, message string) {
	p.T.Helper()
	if len(what) > 80 {
		what = what[:80]
	}
	if r.Status != status {
		p.T.Errorf("%q: status %d, want %d (%s)", what, r.Status, status, r.Body)
		return
	}
	var body map[string]string
	if err := json.Unmarshal([]byte(r.Body), &body); err != nil || len(body) != 1 || !strings.Contains(body["error"], message) {
		p.T.Errorf(`%q: body %s, want {"error":"…%s…"}`, what, r.Body, message)
	}
	if got := r.Header.Get("Content-Type"); got != "application/json" {
		p.T.Errorf("%q: content type %q", what, got)
	}
	if len(r.Body) > 500 {
		p.T.Errorf("%q: the error has %d bytes", what, len(r.Body))
	}
	if sent := p.Sink.Take(); sent != nil {
		p.T.Errorf("%q: rejected, but the proxy sent %q", what, sent)
	}
}

// Forwards checks that a response is an empty 200 and that the proxy has sent want.
func (p *Proxy) Forwards(what string, r Response, want ...string) {
	p.T.Helper()
	if r.Status != 200 || r.Body != "" {
		p.T.Errorf("%q: got %d %s, want an empty 200", what, r.Status, r.Body)
	}
	if sent := p.Sink.Take(); !slices.Equal(sent, want) {
		p.T.Errorf("%q: sent %q, want %q", what, sent, want)
	}
}

// EndsSilently checks that the proxy closes a connection without a response.
func (p *Proxy) EndsSilently(conn net.Conn) {
	p.T.Helper()
	if text, err := io.ReadAll(conn); err != nil || len(text) > 0 {
		p.T.Errorf("got %q, %v, want the end of the connection", text, err)
	}
}
