package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// attack is bytes of one connection that may not make the server do anything.
type attack struct {
	name, bytes string
	status      int // of the only answer, 400 where it is 0
}

// smuggled is a request that must not be found behind or in another one.
const smuggled = "POST /count/smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

// attacks all have smuggled put behind them. FuzzRequest begins with them, too.
var attacks = func() (all []attack) {
	add := func(status int, name, bytes string) { all = append(all, attack{name, bytes, status}) }
	bad := func(name, bytes string) { add(400, name, bytes) }
	// post makes a request of lines that go between its first one and its body.
	post := func(body string, lines ...string) string {
		return "POST /count/k HTTP/1.1\r\nHost: h\r\n" + strings.Join(append(lines, "\r\n"), "\r\n") + body
	}
	const chunks = "7\r\nvalue=1\r\n0\r\n\r\n"

	bad("length and chunks", post(chunks, "Content-Length: 7", "Transfer-Encoding: chunked"))
	bad("chunks and length", post(chunks, "transfer-encoding: CHUNKED", "CONTENT-LENGTH: 7"))
	bad("no length and chunks", post(chunks, "Content-Length: 0", "Transfer-Encoding: chunked"))
	bad("length and chunks in HTTP/1.0", "POST /count/k HTTP/1.0\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks)
	bad("length and identity", post("value=1", "Content-Length: 7", "Transfer-Encoding: identity"))
	for _, length := range []string{"5, 5", "5, 6", "5,5", "+7", "-7", "", "7 7", "0x7", "7h", "7.0", "1e1", "99999999999999999999", "18446744073709551623", "9223372036854775808", "\v7", "'7'"} {
		bad("length "+length, post("value=1", "Content-Length: "+length))
	}
	bad("two lengths", post("value=1", "Content-Length: 7", "Content-Length: 8"))
	bad("the same length twice", post("value=1", "Content-Length: 7", "content-length: 7"))
	for _, coding := range []string{"identity", "xchunked", "chunked, chunked", "gzip, chunked", "chunked, identity", "chunked;q=1", "\"chunked\"", "", "chunke", "\vchunked", "chunked\x00", "chunked,", ", chunked"} {
		bad("coding "+coding, post(chunks, "Transfer-Encoding: "+coding))
	}
	bad("chunked twice", post(chunks, "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"))
	bad("chunked, then identity", post(chunks, "Transfer-Encoding: chunked", "Transfer-Encoding: identity"))
	bad("chunks in HTTP/1.0", "POST /count/k HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"+chunks)

	for _, line := range []string{
		"POST /count/k", "POST /count/k ", "POST  /count/k HTTP/1.1", "POST /count/k  HTTP/1.1", " POST /count/k HTTP/1.1",
		"POST\t/count/k\tHTTP/1.1", "POST /count/k\tHTTP/1.1", "POST /count/a\tb HTTP/1.1", "POST /count/a b HTTP/1.1", "/count/k HTTP/1.1", " /count/k HTTP/1.1",
		"POST /count/k HTTP/1.1 ", "POST HTTP/1.1", "POST", "P\x00ST /count/k HTTP/1.1", "PO(ST /count/k HTTP/1.1", "POST: /count/k HTTP/1.1",
		"POST /count/a\x00b HTTP/1.1", "POST /count/a\x01b HTTP/1.1", "POST /count/a\x7fb HTTP/1.1", "POST /count/a\rb HTTP/1.1", "POST /count/k HTTP/1.1\r", "POST count/k HTTP/1.1",
		"POST /count/k http/1.1", "POST /count/k HTTP/9.9", "POST /count/k HTTP/2.0", "POST /count/k HTTP/1.2", "POST /count/k HTTP/0.9", "POST /count/k HTTP/1.10", "POST /count/k HTTP/01.1",
		"POST /count/k HTTP/1", "POST /count/k HTTP/1,1", "POST /count/k HTTPS/1.1", "POST /count/k ICY/1.1", "POST /count/k HTTP/1.1\x00", "PRI * HTTP/2.0",
	} {
		bad("line "+line, line+"\r\nHost: h\r\n\r\n")
	}
	bad("bare line feeds", "POST /count/k HTTP/1.1\nHost: h\n\n")
	bad("bare line feed in the first line", "POST /count/k HTTP/1.1\nHost: h\r\n\r\n")
	bad("bare line feed in a header", post("", "X: a\nContent-Length: 100"))
	bad("bare line feeds at the end", "POST /count/k HTTP/1.1\r\nHost: h\n\n")
	bad("bare carriage returns", "POST /count/k HTTP/1.1\rHost: h\r\r\n\r\n")

	for _, header := range []string{
		"Content-Length : 7", "Content-Length\t: 7", "Content-Length\v: 7", " Content-Length: 7", "\tContent-Length: 7", "Content Length: 7", "X y: z", "X: a\r\n folded", "X: a\r\n\tfolded", "X:\r\n chunked",
		"Transfer-Encoding:\r\n chunked", "Transfer-Encoding : chunked", "Transfer-Encoding\x00: chunked", "X\x00: y", "X(: y", "X/y: z", "X\xc3\xa4: y", "X\"y: z", "X;y: z", ": y", ":", "X", "X y",
		"X: a\x00b", "X: a\rb", "X: a\x01b", "X: a\x0bb", "X: a\x1bb", "X: a\x7fb", "X: a\r\r\n\r\n", "\r: y", "Origin: \x00", "X: a\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		bad("header "+header, post("value=1", header))
	}
	bad("folded first header", "POST /count/k HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n")
	bad("two hosts", post("", "Host: other"))
	bad("the same host twice", post("", "host: h"))
	bad("no host", "POST /count/k HTTP/1.1\r\n\r\n")
	bad("two hosts in HTTP/1.0", "POST /count/k HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n")

	for _, body := range []string{
		"x\r\n", "\r\n", "-1\r\n", "+7\r\nvalue=1\r\n0\r\n\r\n", "0x7\r\nvalue=1\r\n0\r\n\r\n", " 7\r\nvalue=1\r\n0\r\n\r\n", "7 \r\nvalue=1\r\n0\r\n\r\n", "7\t\r\nvalue=1\r\n0\r\n\r\n", "7\nvalue=1\r\n0\r\n\r\n",
		"7\rvalue=1\r\n0\r\n\r\n", "7\r\nvalue=1\n0\r\n\r\n", "7\r\nvalue=1\r0\r\n\r\n", "7\r\nvalue=10\r\n\r\n", "6\r\nvalue=1\r\n0\r\n\r\n", "8\r\nvalue=1\r\n0\r\n\r\n", "7\r\nvalue=1\r\n0\n\r\n", "7\r\nvalue=1\r\n0\r\n\n",
		"ffffffffffffffff\r\n", "10000000000000007\r\nvalue=1\r\n0\r\n\r\n", "7fffffffffffffff\r\n", "000000000000000000007\r\nvalue=1\r\n0\r\n\r\n", "7;a\nb\r\nvalue=1\r\n0\r\n\r\n", "7;a\x00\r\nvalue=1\r\n0\r\n\r\n",
		"7,7\r\nvalue=1\r\n0\r\n\r\n", "7;" + strings.Repeat("x", 20<<10) + "\r\nvalue=1\r\n0\r\n\r\n",
		strings.Repeat("1;"+strings.Repeat("x", 200)+"\r\nv\r\n", 100) + "0\r\n\r\n",
		"7\r\nvalue=1\r\n0\r\nContent-Length: 7\r\n\r\n", "7\r\nvalue=1\r\n0\r\ntransfer-encoding: chunked\r\n\r\n", "7\r\nvalue=1\r\n0\r\nHost: other\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX : y\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX: y\r\n folded\r\n\r\n",
		"7\r\nvalue=1\r\n0\r\nX\r\n\r\n", "7\r\nvalue=1\r\n0\r\n: y\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX: a\x00\r\n\r\n", "7\r\nvalue=1\r\n0\r\nX: y\n\r\n", "7\r\nvalue=1\r\n0\r\nGET /heartbeat HTTP/1.1\r\n\r\n",
		"7\r\nvalue=1\r\n0\r\n" + strings.Repeat("X: y\r\n", 4000) + "\r\n", "7\r\nvalue=1\r\n0\r\nX: " + strings.Repeat("y", 20<<10) + "\r\n\r\n",
	} {
		bad("chunks "+body, post(body, "Transfer-Encoding: chunked"))
	}
	// Were the size cut off, what is in the chunk would pass for trailers.
	bad("chunks of a long size", post("00000000000000010\r\nX: y\r\n\r\n", "Transfer-Encoding: chunked"))
	bad("chunks of a long size with an extension", post("00000000000000010;a\r\nX: y\r\n\r\n", "Transfer-Encoding: chunked"))
	bad("chunks of a size that is one digit too long", post("000000007\r\nvalue=1\r\n0\r\n\r\n", "Transfer-Encoding: chunked"))
	add(413, "chunk too large", post("fffffff\r\n", "Transfer-Encoding: chunked"))
	add(413, "length too large", post("value=1", "Content-Length: 9223372036854775807"))
	add(431, "headers too long", post("", strings.Repeat("X: y\r\n", 3000)+"Y: z"))
	add(414, "target too long", "POST /count/"+strings.Repeat("x", 17<<10)+" HTTP/1.1\r\n")
	add(417, "unknown expectation", post("value=1", "Content-Length: 7", "Expect: other"))
	add(417, "one more expectation", post("value=1", "Content-Length: 7", "Expect: 100-continue, other"))
	add(417, "another expectation", post("value=1", "Content-Length: 7", "Expect: 100-continue", "Expect: other"))
	add(413, "large body expecting", post("value=1", "Content-Length: 100000000", "Expect: 100-continue"))
	add(415, "bad type expecting", post("value=1", "Content-Length: 7", "Content-Type: text/xml", "Expect: 100-continue"))
	add(415, "bad encoding expecting", post("value=1", "Transfer-Encoding: chunked", "Content-Encoding: br", "Expect: 100-continue"))
	return all
}()

// TestAttacks: each gets one answer, nothing behind it on its connection is
// looked at, and others do not notice.
func TestAttacks(t *testing.T) {
	for _, config := range []struct {
		name   string
		change func(*Options)
	}{{"plain", func(*Options) {}}, {"with tokens", withTokens}} {
		t.Run(config.name, func(t *testing.T) {
			p := start(t, config.change)
			for _, a := range attacks {
				if p.options.Verifier != nil && (a.status != 400 || strings.Contains(a.name, "chunks ")) {
					continue // the token comes first
				}
				p.withstands(a, a.bytes+smuggled, false)
			}
		})
	}
}

// withstands sends text and checks that what comes back is one answer, of a's
// status, and the end.
func (p *proxy) withstands(a attack, text string, halfClosed bool) {
	p.t.Helper()
	conn := p.dial()
	defer conn.Close()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(conn, text) // it may be cut off
		if halfClosed {
			_ = conn.(*net.TCPConn).CloseWrite()
		}
	}()
	reader := newReader(conn)
	got := p.read(reader, "POST")
	p.refuses(a.name, got, a.status, "")
	if !got.closes {
		p.t.Errorf("%.80q: the answer does not say that the connection closes", a.name)
	}
	if got.header.Get("Server") != "" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		p.t.Errorf("%.80q: the answer has the headers %v", a.name, got.header)
	}
	if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
		p.t.Errorf("%.80q: after the answer came %q, %v, want the end", a.name, rest, err)
	}
	<-written
	if sent := p.sink.take(); sent != nil {
		p.t.Errorf("%.80q: %q was sent", a.name, sent)
	}
	if p.options.Verifier == nil {
		p.forwards("another connection", p.do("POST", "/count/k", "value=1"), "k:1|c")
	}
}

func TestRequestsThatEndEarlyAreRefused(t *testing.T) {
	p := start(t)
	const head = "POST /count/k HTTP/1.1\r\nHost: h\r\nOrigin: https://shop.example\r\n"
	for _, request := range []string{
		"P", "POST /count/k", "POST /count/k HTTP/1.1\r\n", head, head + "\r",
		head + "Content-Length: 8\r\n\r\n", head + "Content-Length: 8\r\n\r\nvalue=1", head + "Content-Length: 20000\r\n\r\nvalue=1",
		head + "Content-Length: 20000\r\n\r\nvalue=1" + strings.Repeat("&", 18000),
		head + "Transfer-Encoding: chunked\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n7", head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1",
		head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1\r\n", head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1\r\n0\r\n", head + "Transfer-Encoding: chunked\r\n\r\n7\r\nvalue=1\r\n0\r\nX: y\r\n",
	} {
		p.withstands(attack{"ends: " + request, "", 400}, request, true)
	}
	silent := func(request string) {
		t.Helper()
		conn := p.dial()
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		_ = conn.(*net.TCPConn).CloseWrite()
		silently(t, conn)
	}
	silent("")
	silent("\r\n\r\n\r\n")
}

// TestHonestOddRequestsAreServed holds what a strict reading may not refuse.
func TestHonestOddRequestsAreServed(t *testing.T) {
	p := start(t)
	for _, request := range []string{
		"\r\n\r\nPOST /count/k?value=1 HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /count/k?value=1 HTTP/1.0\r\n\r\n",
		"POST /count/k HTTP/1.0\r\nContent-Length: 7\r\nExpect: other\r\n\r\nvalue=1", // which HTTP/1.0 does not know
		"POST /count/k HTTP/1.1\r\nhOST:h\r\ncOntent-lENGTH:\t 0007 \t\r\n\r\nvalue=1",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nX: \xff\t\xc3\xa4\r\nY:\r\nZ: \t \r\n!#$%&'*+-.^_`|~09azAZ: x\r\nContent-Length: 7\r\n\r\nvalue=1",
		"POST /count/k HTTP/1.1\r\nHost: h\r\ntransfer-encoding:CHunked\r\n\r\n00000003;a=b;c=\"d e\"\r\nval\r\n4\r\nue=1\r\n000\r\nX-Trailer: y\r\n\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 7\r\n\r\nvalue=1", // the body does not wait
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 30000\r\n\r\nvalue=1" + strings.Repeat("&", 30000-7),
	} {
		conn := p.dial()
		reader := newReader(conn)
		if _, err := io.WriteString(conn, request+"GET /heartbeat HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		a := p.read(reader, "POST")
		p.forwards(request, a, "k:1|c")
		if a.closes { // HTTP/1.0
			continue
		}
		if a := p.read(reader, "GET"); a.status != 200 || a.body != "OK" {
			t.Errorf("%.80q: the next request got %d %s", request, a.status, a.body)
		}
	}
	p.forwards("UTF-8 in the target", p.raw("POST", "POST /count/\xc3\xa4?value=1 HTTP/1.1\r\nHost: h\r\n\r\n"), "ä:1|c")
}

// TestRequestsMayArriveInPieces splits requests at every byte. The system may
// put pieces together again, but not all of them always.
func TestRequestsMayArriveInPieces(t *testing.T) {
	plain, secure := start(t), start(t, func(o *Options) { o.GetCertificate = selfSigned })
	const head = "\r\nPOST /count/k HTTP/1.1\r\nHost: h\r\n"
	for _, request := range []string{
		head + "Content-Length: 7\r\n\r\nvalue=1",
		head + "Transfer-Encoding: chunked\r\n\r\n3\r\nval\r\n4\r\nue=1\r\n0\r\nX: y\r\n\r\n",
	} {
		for p, conn := range map[*proxy]net.Conn{
			plain:  plain.dial(),
			secure: tls.Client(secure.dial(), &tls.Config{InsecureSkipVerify: true}),
		} {
			reader := newReader(conn)
			for i := range request {
				fmt.Fprint(conn, request[:i])
				fmt.Fprint(conn, request[i:])
				p.forwards(fmt.Sprintf("%q, %q", request[:i], request[i:]), p.read(reader, "POST"), "k:1|c")
			}
			for i := range request {
				fmt.Fprint(conn, request[i:i+1])
			}
			p.forwards("byte by byte", p.read(reader, "POST"), "k:1|c")
		}
	}
}

func TestExpectationIsMetBeforeTheBody(t *testing.T) {
	p := start(t)
	for _, framing := range []struct{ header, body string }{
		{"Content-Length: 7", "value=1"}, {"Content-Length: 20000", "value=1" + strings.Repeat("&", 20000-7)}, {"Transfer-Encoding: chunked", "7\r\nvalue=1\r\n0\r\n\r\n"},
	} {
		conn := p.dial()
		reader := newReader(conn)
		for range 2 {
			fmt.Fprintf(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n%s\r\n\r\n", framing.header)
			if a, err := http.ReadResponse(reader, nil); err != nil || a.StatusCode != 100 {
				t.Fatalf("got %v, %v, want 100", a, err)
			}
			fmt.Fprint(conn, framing.body)
			p.forwards(framing.header, p.read(reader, "POST"), "k:1|c")
		}
	}
}
