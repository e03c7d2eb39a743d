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
	f("\r\nGET / HTTP/1.0\r\n\r\n", badRequestLine)
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
	for _, version := range []string{"HTTP/1.10", "HTTP/1", "HTTP/2", "http/1.1", "HTTP/1,1", "HTTP/a.1", "HTTP/1.a", "HTTP/:.1", "HTTP/1.:", "HTTP//.1", "HTTP/1./", "HTTP/1.1 ", "HTTPS/1.1", ""} {
		f("GET / "+version+"\r\n\r\n", badVersion)
	}
	f("GET / OTHER\r\n\r\n", badVersion)
	f("INVALID CONNECTION PREFACE\r\n\r\n", NotHTTP)
	f("INVALID CONNECTION PREFACE/1\r\n\r\n", badVersion)
	f("INVALID CONNECTION PREFACE MORE\r\n\r\n", badVersion)
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
	for _, end := range []string{"\r\r\n", "\rX\r\n", "X\n\r\n", "\n", "\n\n"} { // none is the empty line
		f(line+host+end+"\r\n", badName)
	}
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

// TestFramingFollowsTheFields checks where a request ends and whether the connection can
// be reused.
func TestFramingFollowsTheFields(t *testing.T) {
	type framing struct {
		length                                              int
		hasLength, isHTTP10, closes, wantsContinue, isWrong bool
	}
	f := func(version, fields string, want framing) {
		t.Helper()
		var q exchange.Request
		head := "POST /a HTTP/" + version + "\r\nHost: h\r\n" + fields + "\r\n"
		if n, herr := new(HeadParser).Parse([]byte(head+"next"), &q); n != len(head) || herr != nil {
			t.Fatalf("%q: %d bytes, %v", head, n, herr)
		}
		got := framing{q.BodyLength, q.HasLength, q.IsHTTP10, q.WantsClose, q.WantsContinue, q.BadExpectation}
		if got != want || string(q.Head) != head {
			t.Errorf("%q: got %+v, want %+v; the head is %q", head, got, want, q.Head)
		}
	}
	f("1.1", "", framing{})
	f("1.1", "Content-Length: 0\r\n", framing{hasLength: true})
	f("1.1", "Content-Length: 7\r\n", framing{length: 7, hasLength: true})
	f("1.1", "Transfer-Encoding: chunked\r\n", framing{length: exchange.Chunked})
	f("1.1", "Connection: close\r\n", framing{closes: true})
	f("1.1", "Connection: x , Close\r\n", framing{closes: true})
	f("1.1", "Connection: keep-alive\r\nConnection: close\r\n", framing{closes: true})
	f("1.1", "Connection: closed\r\n", framing{})
	f("1.1", "Expect: 100-continue\r\n", framing{wantsContinue: true})
	f("1.1", "Expect: other\r\n", framing{isWrong: true})
	f("1.1", "Expect: 100-Continue\r\nExpect: other\r\n", framing{wantsContinue: true, isWrong: true})
	f("1.0", "", framing{isHTTP10: true, closes: true})
	f("1.0", "Content-Length: 7\r\n", framing{length: 7, hasLength: true, isHTTP10: true, closes: true})
	f("1.0", "Connection: Keep-Alive\r\n", framing{isHTTP10: true})
	f("1.0", "Connection: keep-alive, close\r\n", framing{isHTTP10: true, closes: true})
	f("1.0", "Expect: 100-continue\r\nConnection: keep-alive\r\n", framing{isHTTP10: true})
	f("1.0", "Expect: other\r\nConnection: keep-alive\r\n", framing{isHTTP10: true})
}

// TestHeadCanTake16KiB sends heads around the limit, at once and in pieces.
func TestHeadCanTake16KiB(t *testing.T) {
	const line, host = "POST / HTTP/1.1\r\n", "Host: h\r\n"
	f := func(head string, want *exchange.HTTPError) {
		t.Helper()
		for _, piece := range []int{len(head), 1000, 16} {
			var parser HeadParser
			var q exchange.Request
			var length int
			var herr *exchange.HTTPError
			end := 0
			for end < len(head) && length == 0 && herr == nil {
				end = min(end+piece, len(head))
				length, herr = parser.Parse([]byte(head[:end]), &q)
			}
			if herr != want || want == nil && length != len(head) || want != nil && piece == 16 && end != 16<<10 {
				t.Errorf("a head of %d bytes in pieces of %d: %d after %d, %v, want %v", len(head), piece, length, end, herr, want)
			}
		}
	}
	field := func(size int) string { return "X: " + strings.Repeat("x", size-len("X: \r\n")) + "\r\n" }
	target := func(size int) string {
		return "POST /" + strings.Repeat("x", size-len("POST / HTTP/1.1\r\n")) + " HTTP/1.1\r\n"
	}
	const room = 16<<10 - len(host+"\r\n")
	f(line+host+field(room-len(line))+"\r\n", nil)
	f(line+host+field(room-len(line)+1)+"\r\n", exchange.HeadTooLong)
	f(line+host+strings.Repeat(field(100), 200)+"\r\n", exchange.HeadTooLong)
	f(target(room)+host+"\r\n", nil)
	f(target(room+1)+host+"\r\n", exchange.HeadTooLong)
	f(target(16<<10)+host+"\r\n", exchange.HeadTooLong)
	f(target(16<<10+1)+host+"\r\n", exchange.TargetTooLong)
}

// TestSpansCoverTheValues checks the places of the parts of a head.
func TestSpansCoverTheValues(t *testing.T) {
	const head = "PUT /a?b HTTP/1.1\r\nHost:h\r\nOrigin: \t o \t\r\nContent-Type:\r\nX-Forwarded-For:1\r\nx-forwarded-for: 2, 3\r\nAuthorization:  b c\r\n\r\n"
	var q exchange.Request
	if n, herr := new(HeadParser).Parse([]byte(head), &q); n != len(head) || herr != nil {
		t.Fatalf("%d, %v", n, herr)
	}
	for _, part := range []struct {
		span exchange.Span
		want string
	}{{q.Method, "PUT"}, {q.Target, "/a?b"}, {q.Origin, "o"}, {q.ContentType, ""}, {q.Authorization, "b c"}, {q.ForwardedFor[0], "1"}, {q.ForwardedFor[1], "2, 3"}} {
		if got := string(q.Bytes(part.span)); got != part.want {
			t.Errorf("got %q, want %q", got, part.want)
		}
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
