package server

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/metric"
)

// route is what a request's target names.
//
//	/count/some.key?token=eyJ…
//	 ^^^^^ ^^^^^^^^ ^^^^^^^^^
//	 kind  name     query
type route struct {
	methods string // those it answers, as in an Allow header
	isBeat  bool   // it is /heartbeat
	isBatch bool   // it is /batch; else one metric
	kind    metric.Kind
	name    []byte      // as sent
	want    decode.Want // what the parameters have to tell
	query   []byte      // as sent
}

// findRoute reads a request target as it was sent (RFC 9112, section 3.2):
// nothing may rewrite a path on the way, since its segments are a name.
func findRoute(target []byte, encoder *metric.Encoder) (route, *refusal) {
	path, query, _ := bytes.Cut(target, []byte{'?'})
	if len(path) > 0 && path[0] != '/' { // absolute-form: scheme://host/path
		_, rest, _ := bytes.Cut(path, []byte("://"))
		path = rest[max(0, bytes.IndexByte(rest, '/')):]
	}
	switch string(path) {
	case "/heartbeat":
		return route{methods: "GET, HEAD", isBeat: true}, nil
	case "/batch":
		return route{methods: "POST", isBatch: true, query: query}, nil
	}
	first, name, isNamed := bytes.Cut(bytes.TrimPrefix(path, []byte{'/'}), []byte{'/'})
	kind, ok := metric.ParseKind(first)
	switch {
	case len(first) == 0:
		return route{}, refuse(fasthttp.StatusNotFound,
			"no such route: "+metric.Quote(path)+"; metrics go to /{type}/{name}, /{type} and /batch")
	case !ok || !encoder.Allows(kind):
		return route{}, refuse(fasthttp.StatusNotFound,
			"unknown metric type "+metric.Quote(first)+"; the types are "+encoder.KindNames())
	}
	r := route{methods: "POST", kind: kind, name: name, query: query}
	if !isNamed {
		r.want = decode.Named
	}
	return r, nil
}

// admit gives the verdicts that need no more than a request's head: whether
// its route exists, knows its method, and whether its token allows it.
func (s *Server) admit(head *fasthttp.RequestHeader) (route, *refusal) {
	r, no := findRoute(head.RequestURI(), s.options.Encoder)
	if no != nil {
		return r, no
	}
	if isPreflight(head) {
		return r, nil
	}
	if r.isBeat {
		if !head.IsGet() && !head.IsHead() {
			return r, refuseMethod(&r, head.Method())
		}
		return r, nil
	}
	if !head.IsPost() {
		return r, refuseMethod(&r, head.Method())
	}
	return r, s.checkToken(head, r.query)
}

// checkToken refuses a request that needs a token and has no valid one.
func (s *Server) checkToken(head *fasthttp.RequestHeader, query []byte) *refusal {
	if s.options.Verifier == nil {
		return nil
	}
	token := findToken(head, query)
	if len(token) == 0 {
		no := refuse(fasthttp.StatusUnauthorized,
			"a token is missing: send one in X-JWT-Token, in Authorization: Bearer or in the query parameter token")
		no.header, no.value = fasthttp.HeaderWWWAuthenticate, "Bearer"
		return no
	}
	if _, err := s.options.Verifier.Verify(token); err != nil {
		return refuse(fasthttp.StatusForbidden, err.Error())
	}
	return nil
}

// findToken returns the token of a request, nil where it has none. An empty
// header counts as none.
func findToken(head *fasthttp.RequestHeader, query []byte) []byte {
	if token := head.Peek("X-JWT-Token"); len(token) > 0 {
		return token
	}
	// RFC 9110, section 11.1: the scheme's case does not matter.
	scheme, token, _ := bytes.Cut(head.Peek(fasthttp.HeaderAuthorization), []byte{' '})
	if token = bytes.TrimSpace(token); len(token) > 0 && bytes.EqualFold(scheme, []byte("Bearer")) {
		return token
	}
	return decode.QueryToken(query)
}
