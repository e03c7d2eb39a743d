package http1

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"statsd-http-proxy/internal/exchange"
)

// maxFuzzBody is the largest body in FuzzSameAsNetHTTP, in bytes.
const maxFuzzBody = 1 << 20

// read is a request with its body, as a parser has read it.
type read struct {
	method, target string
	length         int // bytes, or exchange.Chunked
	body           string
	rest           int // bytes after the request
}

// readOurs reads the request at the front of received with this package.
func readOurs(received []byte) (r read, err error) {
	var q exchange.Request
	n, herr := new(HeadParser).Parse(received, &q)
	switch {
	case herr != nil:
		return r, fmt.Errorf("%s", herr.Message)
	case n == 0:
		return r, io.ErrUnexpectedEOF
	}
	r = read{method: string(q.Bytes(q.Method)), target: string(q.Bytes(q.Target)), length: q.BodyLength}
	rest := received[n:]
	if q.BodyLength != exchange.Chunked {
		if q.BodyLength > len(rest) {
			return r, io.ErrUnexpectedEOF
		}
		r.body, r.rest = string(rest[:q.BodyLength]), len(rest)-q.BodyLength
		return r, nil
	}
	decoder := NewChunkDecoder(maxFuzzBody)
	for !decoder.IsDone() {
		used, data, herr := decoder.Next(rest)
		switch {
		case herr != nil:
			return r, fmt.Errorf("%s", herr.Message)
		case used == 0:
			return r, io.ErrUnexpectedEOF
		}
		r.body += string(data)
		rest = rest[used:]
	}
	r.rest = len(rest)
	return r, nil
}

// readNetHTTP reads the request at the front of received with net/http, and checks it as
// net/http's server does.
func readNetHTTP(received []byte) (r read, err error) {
	source := bytes.NewReader(received)
	buffered := bufio.NewReader(source)
	request, err := http.ReadRequest(buffered)
	if err != nil {
		return r, err
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return r, err
	}
	r = read{method: request.Method, target: request.RequestURI, length: int(request.ContentLength), body: string(body), rest: buffered.Buffered() + source.Len()}
	if len(request.TransferEncoding) == 1 && request.TransferEncoding[0] == "chunked" {
		r.length = exchange.Chunked
	}
	return r, nil
}

// weAcceptMore names what this package accepts and net/http rejects, with a pattern of
// net/http's error.
var weAcceptMore = []struct{ name, pattern string }{
	{"targets that net/url cannot parse; the handler answers them with 400 or 404", `^parse `},
}

// FuzzSameAsNetHTTP reads a request with this package and with net/http. If both accept
// it, they agree on its method, target, framing and body. So a proxy in front that reads
// like net/http finds the same requests.
func FuzzSameAsNetHTTP(f *testing.F) {
	for _, seed := range []string{
		browserHead + strings.Repeat("x", 47),
		"GET / HTTP/1.0\r\n\r\n",
		"GET / HTTP/1.2\r\nHost: h\r\n\r\n",
		"POST /a%20b?c=d HTTP/1.1\r\nHost: h:80\r\nContent-Length: 3\r\n\r\nabcdef",
		"POST http://h/a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\nrest",
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n00\r\nX: y\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nab",
		"POST /a HTTP/1.0\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\nab",
		"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", "POST :///a HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /\xc3\xa4 HTTP/1.1\r\nHost: \r\nX: \xff\r\n\r\n", "POST /%zz HTTP/1.1\r\nHost: h\r\n\r\n", "PUT //a HTTP/1.1\r\nHost: [::1]\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nTrailer: y\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	var accepted []*regexp.Regexp
	for _, more := range weAcceptMore {
		accepted = append(accepted, regexp.MustCompile(more.pattern))
	}
	f.Fuzz(func(t *testing.T, received []byte) {
		ours, err := readOurs(received)
		if err != nil {
			return
		}
		theirs, err := readNetHTTP(received)
		if err != nil {
			for _, pattern := range accepted {
				if pattern.MatchString(err.Error()) {
					return
				}
			}
			t.Fatalf("%q: net/http rejects it: %v", received, err)
		}
		if ours != theirs {
			t.Fatalf("%q: read\n%+v, and net/http\n%+v", received, ours, theirs)
		}
	})
}
