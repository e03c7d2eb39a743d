package server

import (
	"bytes"
	"net/http"
	"net/netip"
)

// request is what the server looks at in a request, whatever version of HTTP
// brought it. Its slices are void when the request is answered.
type request struct {
	framing
	method, target []byte // as sent
	closes         bool   // the client asks for no other request on its connection, or may not

	// Values of headers, without the blanks around them; the first one of those
	// that come more than once. nil and empty are the same.
	origin          []byte
	preflightMethod []byte // Access-Control-Request-Method
	contentType     []byte
	contentEncoding []byte
	jwtToken        []byte // X-JWT-Token
	authorization   []byte
	forwardedFor    [][]byte // all of X-Forwarded-For

	peer netip.Addr // at the other end of the connection
	late bool       // it began while the server was draining
	body bodyReader
}

// bodyReader reads the body of a request.
type bodyReader interface {
	// readBody returns the body, which is void when the request is answered,
	// or why there is none. It has limit bytes at most.
	readBody(limit int) (body []byte, no *refusal)
}

func (q *request) reset() {
	*q = request{forwardedFor: q.forwardedFor[:0]}
}

func (q *request) isMethod(method string) bool { return string(q.method) == method }

// isPreflight tells whether a request asks, in a browser's name, whether
// another one may be sent. It never carries a token.
func (q *request) isPreflight() bool {
	return len(q.origin) > 0 && len(q.preflightMethod) > 0 && q.isMethod(http.MethodOptions)
}

// path is the target without the query, which may hold a token.
func (q *request) path() []byte {
	path, _, _ := bytes.Cut(q.target, []byte{'?'})
	return path
}
