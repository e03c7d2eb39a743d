package exchange

import (
	"bytes"
	"net/http"
	"net/netip"
)

// MaxHead is the size in bytes of the largest head: the request line and all
// header fields, as HTTP/1.1 writes them.
const MaxHead = 16 << 10

// Chunked is the BodyLength of a body whose length is not declared: it comes in
// chunks (HTTP/1.1) or in frames (HTTP/2).
const Chunked = -1

// Span is a part of Request.Head. A head may move in memory while it is read; a
// span stays valid.
type Span struct{ Start, End uint16 }

// IsEmpty reports whether s has no bytes.
func (s Span) IsEmpty() bool { return s.Start == s.End }

// Request is the part of a request that handlers look at, in either version of
// HTTP.
type Request struct {
	// Head is the memory that the spans refer to. It does not move between Begin
	// and the end of the exchange.
	Head []byte

	Method, Target Span // as the client sent them

	// Values of header fields without the blanks around them; the first value if
	// a field comes more than once. An absent field has an empty span.
	Origin           Span
	PreflightMethod  Span // Access-Control-Request-Method
	PreflightHeaders Span // Access-Control-Request-Headers
	ContentType      Span
	ContentEncoding  Span
	JWTToken         Span // X-JWT-Token
	Authorization    Span
	AcceptEncoding   Span
	IfNoneMatch      Span
	ForwardedFor     []Span // all values of X-Forwarded-For

	BodyLength     int  // bytes, or Chunked
	HasLength      bool // there is a Content-Length
	IsHTTP10       bool // HTTP/1.0 knows neither chunks nor expectations
	WantsClose     bool // the connection ends after the response
	WantsContinue  bool // the client may wait for 100 Continue (RFC 9110, section 10.1.1)
	BadExpectation bool // the client expects something other than 100 Continue

	Peer netip.Addr // the other end of the connection
}

// Reset empties q for a request from the client at peer.
func (q *Request) Reset(peer netip.Addr) {
	*q = Request{ForwardedFor: q.ForwardedFor[:0], Peer: peer}
}

var headMethod = []byte(http.MethodHead)

// Reject empties q after its head was rejected. If isHead, the method stays HEAD: its response
// has no body.
func (q *Request) Reject(isHead bool) {
	q.Reset(q.Peer)
	if isHead {
		q.Head, q.Method = headMethod, Span{End: uint16(len(headMethod))}
	}
}

// Bytes returns the bytes of s.
func (q *Request) Bytes(s Span) []byte { return q.Head[s.Start:s.End] }

// IsMethod reports whether the request has the given method.
func (q *Request) IsMethod(method string) bool { return string(q.Bytes(q.Method)) == method }

// IsPreflight reports whether a browser asks if it may send another request. A
// preflight never carries a token. See https://fetch.spec.whatwg.org/#http-cors-protocol.
func (q *Request) IsPreflight() bool {
	return !q.Origin.IsEmpty() && !q.PreflightMethod.IsEmpty() && q.IsMethod(http.MethodOptions)
}

// Path returns the target without the query, which may hold a token.
func (q *Request) Path() []byte {
	path, _, _ := bytes.Cut(q.Bytes(q.Target), []byte{'?'})
	return path
}
