package http1

import (
	"bytes"
	"strings"
	"testing"

	"statsd-http-proxy/internal/exchange"
)

// TestHeadIsParsedStrictly names the rule that each head breaks.
func TestHeadIsParsedStrictly(t *testing.T) {
	f := func(head string, want *exchange.HTTPError) {
		t.Helper()
		length, herr := new(HeadParser).Parse([]byte(head), new(exchange.Request))
		if herr != want || herr == nil && length != len(head) {
			t.Errorf("%q: length %d, %v, want %v", head, length, herr, want)
		}
		for i := range head { // no prefix is taken for a whole head, nor a good one for a bad one
			if length, herr := new(HeadParser).Parse([]byte(head[:i]), new(exchange.Request)); length > 0 || herr != nil && herr != want {
				t.Errorf("%q: length %d, %v, want more", head[:i], length, herr)
			}
		}
	}
	const line, host = "POST / HTTP/1.1\r\n", "Host: h\r\n"
	f(line+host+"\r\n", nil)
	f("GET / HTTP/1.0\r\n\r\n", nil)
	f("GET  / HTTP/1.0\r\n\r\n", badRequestLine)
	f("GET /\t HTTP/1.0\r\n\r\n", badRequestLine)
	f("GET /\x7f HTTP/1.0\r\n\r\n", badRequestLine)
	f("G(T / HTTP/1.0\r\n\r\n", badRequestLine)
	f("GET * HTTP/1.0\r\n\r\n", badRequestLine)
	f("POST *://y/batch HTTP/1.0\r\n\r\n", badRequestLine)
	f("OPTIONS * HTTP/1.0\r\n\r\n", nil)
	f("CONNECT y:443 HTTP/1.0\r\n\r\n", nil)
	for _, version := range []string{"HTTP/1.2", "HTTP/1.9"} {
		f("GET / "+version+"\r\nHost: h\r\n\r\n", nil)
		f("GET / "+version+"\r\n\r\n", exchange.BadHost)
	}
	for _, version := range []string{"HTTP/2.0", "HTTP/0.9", "HTTP/3.1", "HTTP/9.9"} {
		f("GET / "+version+"\r\n\r\n", otherVersion)
	}
	for _, version := range []string{"HTTP/1.10", "HTTP/1", "HTTP/2", "http/1.1", "HTTP/1,1", "HTTP/a.1", "HTTP/1.a", "HTTP/1.1 ", "HTTPS/1.1", ""} {
		f("GET / "+version+"\r\n\r\n", badVersion)
	}
	f("GET / HTTP/1.0\n\r\n", badLineEnd)
	f(line+"\r\n", exchange.BadHost)
	f(line+host+host+"\r\n", exchange.BadHost)
	for _, host := range []string{"h X: y", "h/", "h?", "h#", "u@h", "h, h", "h\t", "\"h\"", "http://h", "\xc3\xa4.example", "h\xff"} {
		f(line+"Host: "+host+"x\r\n\r\n", exchange.BadHost)
	}
	for _, host := range []string{"", "h:", "shop.example:80", "[::1]:80", "10.0.0.1", "a_b-c~d%20", "!$&'()*+,;="} {
		f(line+"Host: "+host+"\r\n\r\n", nil)
	}
	f(line+host+"X : y\r\n\r\n", badName)
	f(line+host+" X: y\r\n\r\n", badName)
	f(line+host+": y\r\n\r\n", badName)
	f(line+host+"X: \x00\r\n\r\n", badValue)
	f(line+host+"X: y\rz\r\n\r\n", badValue)
	f(line+host+"X: y\n\r\n", badLineEnd)
	f(line+host+"Content-Length: 1\r\ncontent-length: 1\r\n\r\n", exchange.BadLength)
	f(line+host+"Content-Length: 1,1\r\n\r\n", exchange.BadLength)
	for _, codings := range []string{"gzip, chunked", "gzip", "identity", "x;a=b, chunked", "chunked, gzip", "GZIP ,chunked"} {
		f(line+host+"Transfer-Encoding: "+codings+"\r\n\r\n", exchange.UnknownCoding)
	}
	for _, codings := range []string{"", ",", "chunked, chunked", "chunked,", "chunked;a=b", "ch unked", "(", "\xff"} {
		f(line+host+"Transfer-Encoding: "+codings+"\r\n\r\n", exchange.BadCoding)
	}
	f(line+host+"Transfer-Encoding:\tChunked \r\n\r\n", nil)
	f(line+host+"Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", exchange.BadCoding)
	f("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", exchange.BadCoding)
	f(line+host+"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", twoLengths)
}

// TestHeadIsParsedOnce sends a head line by line and overwrites each line that was parsed:
// nothing reads it again, so that a slow client costs no more than another one.
func TestHeadIsParsedOnce(t *testing.T) {
	head := []byte(browserHead)
	var q exchange.Request
	var parser HeadParser
	for end := range head {
		if head[end] != '\n' {
			continue
		}
		received := bytes.Clone(head[:end+1])
		clear(received[:parser.parsed])
		length, herr := parser.Parse(received, &q)
		if wantLength := len(head); herr != nil || end == wantLength-1 && length != wantLength || end < wantLength-1 && length != 0 {
			t.Fatalf("after %d bytes: got %d, %v", end+1, length, herr)
		}
		if length == 0 && parser.parsed != end+1 {
			t.Errorf("after %d bytes, %d are parsed", end+1, parser.parsed)
		}
	}
	q.Head = head
	if got := string(q.Bytes(q.Origin)); got != "https://www.shop.example" {
		t.Errorf("the origin is %q", got)
	}
}

func TestControlCharactersAreFoundAnywhere(t *testing.T) {
	for length := range 40 {
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("\t~ \x80\xff", 8)[:length])
				text[at] = byte(c)
				want := length
				if c < ' ' && c != '\t' || c == 0x7f {
					want = at
				}
				if got := firstControl(text); got != want {
					t.Fatalf("%q: got %d, want %d", text, got, want)
				}
			}
		}
	}
}

// browserHead is the head that a browser sends with a metric.
const browserHead = "POST /count/some.key.name HTTP/1.1\r\nHost: metrics.shop.example\r\nConnection: keep-alive\r\nContent-Length: 47\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\n" +
	"Content-Type: application/json\r\nAccept: */*\r\nOrigin: https://www.shop.example\r\nSec-Fetch-Site: same-site\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n" +
	"Referer: https://www.shop.example/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n\r\n"
