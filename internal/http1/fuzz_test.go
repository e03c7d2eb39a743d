package http1

import (
	"bytes"
	"io"
	"net/http/httputil"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/exchange"
)

// FuzzHead parses each head at once, and in two pieces that are split at every byte, with
// the first piece moved in memory in between. All results must be the same. An accepted
// head must end with its empty line. If the parsed request is written as a head again, the
// parser must read the same request from it.
func FuzzHead(f *testing.F) {
	for _, seed := range []string{
		browserHead,
		"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For:\t5.6.7.8 \r\nTransfer-Encoding: chunked\r\n\r\n7\r\n",
		"POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, other\r\nOrigin:\r\nOrigin: b\r\n\r\n",
		"POST /a HTTP/1.1\nHost: h\n\n", "POST /a HTTP/1.1\r\nHost : h\r\n\r\n", "POST /a HTTP/1.1\r\n Host: h\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, received []byte) {
		var q exchange.Request
		length, herr := new(HeadParser).Parse(received, &q)
		if len(received) <= 1000 {
			for split := range received {
				parseInPieces(t, received, split, &q, length, herr)
			}
		}
		if length == 0 || herr != nil {
			return
		}
		if !bytes.HasSuffix(received[:length], []byte("\r\n\r\n")) {
			t.Fatalf("the head %q does not end in an empty line", received[:length])
		}
		var again exchange.Request
		written := writeHead(&q)
		if n, herr := new(HeadParser).Parse(written, &again); n != len(written) || herr != nil {
			t.Fatalf("%q was accepted, but written as %q it gives %d, %v", received, written, n, herr)
		}
		if a, b := describe(&q), describe(&again); !reflect.DeepEqual(a, b) {
			t.Fatalf("%q reads as %v, and written again as %v", received, a, b)
		}
	})
}

// parseInPieces parses received split at one byte and compares the result.
func parseInPieces(t *testing.T, received []byte, split int, want *exchange.Request, wantLength int, wantErr *exchange.HTTPError) {
	t.Helper()
	var q exchange.Request
	var parser HeadParser
	first := bytes.Clone(received[:split])
	length, herr := parser.Parse(first, &q)
	if length == 0 && herr == nil {
		clear(first) // nothing may refer to it
		length, herr = parser.Parse(received, &q)
	} else if herr == nil && length > split {
		t.Fatalf("%q: the head takes %d bytes", first, length)
	}
	if length == 0 && herr == nil && wantErr != nil {
		// The parser waits for the end of a line before it looks at its parts.
		length, herr = parser.Parse(append(bytes.Clone(received), '\n'), &q)
	}
	if length != wantLength || herr != wantErr {
		t.Fatalf("%q, split at %d: got %d, %v, want %d, %v", received, split, length, herr, wantLength, wantErr)
	}
	if length > 0 && herr == nil {
		if split >= length {
			return // q refers to first
		}
		if a, b := describe(&q), describe(want); !reflect.DeepEqual(a, b) {
			t.Fatalf("%q, split at %d: read %v, want %v", received, split, a, b)
		}
	}
}

// describe returns all that a head says.
func describe(q *exchange.Request) []any {
	all := []any{q.BodyLength, q.IsHTTP10, q.WantsClose, q.WantsContinue, q.BadExpectation}
	for _, s := range append([]exchange.Span{q.Method, q.Target, q.Origin, q.PreflightMethod, q.ContentType, q.ContentEncoding, q.JWTToken, q.Authorization}, q.ForwardedFor...) {
		all = append(all, string(q.Bytes(s)))
	}
	return all
}

// writeHead writes what q says as a head.
func writeHead(q *exchange.Request) []byte {
	var b strings.Builder
	version, connection := "1.1", "keep-alive"
	if q.IsHTTP10 {
		version = "1.0"
	}
	if q.WantsClose {
		connection = "close"
	}
	b.WriteString(string(q.Bytes(q.Method)) + " " + string(q.Bytes(q.Target)) + " HTTP/" + version + "\r\nHost: h\r\nConnection: " + connection + "\r\n")
	add := func(name string, value exchange.Span) {
		if !value.IsEmpty() {
			b.WriteString(name + ": " + string(q.Bytes(value)) + "\r\n")
		}
	}
	add("Origin", q.Origin)
	add("Access-Control-Request-Method", q.PreflightMethod)
	add("Content-Type", q.ContentType)
	add("Content-Encoding", q.ContentEncoding)
	add("X-JWT-Token", q.JWTToken)
	add("Authorization", q.Authorization)
	for _, value := range q.ForwardedFor {
		b.WriteString("X-Forwarded-For: " + string(q.Bytes(value)) + "\r\n")
	}
	switch {
	case q.BodyLength == exchange.Chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n")
	case q.BodyLength > 0:
		b.WriteString("Content-Length: " + strconv.Itoa(q.BodyLength) + "\r\n")
	}
	if q.WantsContinue {
		b.WriteString("Expect: 100-continue\r\n")
	}
	if q.BadExpectation {
		b.WriteString("Expect: other\r\n")
	}
	return []byte(b.String() + "\r\n")
}

// FuzzChunks decodes chunks at once and in two pieces. Both results must be the same. If the
// decoder accepts the chunks, the standard library's decoder must read the same data.
func FuzzChunks(f *testing.F) {
	for _, seed := range []string{
		"7\r\nvalue=1\r\n0\r\n\r\n", "3;a=b\r\nval\r\n4\r\nue=1\r\n0\r\nX: y\r\n\r\nrest", "A\r\n0123456789\r\n000\r\n\r\n",
		"0\r\n\r\n", "0\n\r\n", "7\r\nvalue=1\n0\r\n\r\n", "fffffff\r\n", "0\r\nHost: h\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, received []byte) {
		const maxBody = 1000
		decoder := NewChunkDecoder(maxBody)
		data, used, herr := decode(&decoder, nil, received)
		if len(data) > maxBody {
			t.Fatalf("%q: %d bytes of data", received, len(data))
		}
		if herr == nil && decoder.IsDone() {
			want, err := io.ReadAll(httputil.NewChunkedReader(bytes.NewReader(received[:used])))
			if err != nil || !bytes.Equal(data, want) {
				t.Fatalf("%q: got %q, want %q, %v", received, data, want, err)
			}
		}
		for split := range received[:min(len(received), 500)] {
			pieces := NewChunkDecoder(maxBody)
			got, n, err := decode(&pieces, nil, bytes.Clone(received[:split]))
			if err == nil && !pieces.IsDone() {
				var more int
				got, more, err = decode(&pieces, got, bytes.Clone(received[n:]))
				n += more
			}
			if err == nil && herr == nil && (n != used || !bytes.Equal(got, data) || pieces.IsDone() != decoder.IsDone()) || (err == nil) != (herr == nil) || err != nil && *err != *herr {
				t.Fatalf("%q, split at %d: got %q, %d, %v, want %q, %d, %v", received, split, got, n, err, data, used, herr)
			}
		}
	})
}

// decode decodes as much of received as d can.
func decode(d *ChunkDecoder, dst, received []byte) (data []byte, used int, herr *exchange.HTTPError) {
	for !d.IsDone() {
		n, part, herr := d.Next(received[used:])
		if n == 0 || herr != nil {
			return dst, used, herr
		}
		dst = append(dst, part...)
		used += n
	}
	return dst, used, nil
}
