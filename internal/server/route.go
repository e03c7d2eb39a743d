package server

import (
	"bytes"
	"net/http"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
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
	name    []byte        // as sent
	params  decode.Params // the parameters that the request must carry
	query   []byte        // as sent
	grant   *auth.Grant   // of the token, nil where none is needed
}

// scope is what the request may write, nil for everything.
func (r *route) scope() *metric.Scope {
	if r.grant == nil {
		return nil
	}
	return &r.grant.Scope
}

// findRoute reads a request target as it was sent (RFC 9112, section 3.2):
// nothing may rewrite a path on the way, since its segments are a name.
func findRoute(target []byte, encoder *metric.Encoder) (route, *refusal) {
	path, query, _ := bytes.Cut(target, []byte{'?'})
	if len(path) > 0 && path[0] != '/' { // absolute-form: scheme://host/path
		_, rest, _ := bytes.Cut(path, []byte("://"))
		if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
			path = rest[slash:]
		} else {
			path = []byte{'/'} // RFC 9110, section 4.2.3
		}
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
		return route{}, refuse(http.StatusNotFound,
			"no such route: "+quote.Bytes(path)+"; metrics go to /{type}/{name}, /{type} and /batch")
	case !ok || !encoder.Allows(kind):
		return route{}, refuse(http.StatusNotFound,
			"unknown metric type "+quote.Bytes(first)+"; the types are "+encoder.KindNames())
	}
	r := route{methods: "POST", kind: kind, name: name, query: query}
	if !isNamed {
		r.params = decode.NamedParams
	}
	return r, nil
}

// admit gives the verdicts that need no more than a request's head: whether
// its route exists, knows its method, and whether its origin and its token
// allow it.
func (s *Server) admit(q *request) (route, *refusal) {
	r, no := findRoute(q.target, s.options.Encoder)
	if no != nil {
		return r, no
	}
	preflight := q.isPreflight()
	isKnown := q.isMethod(http.MethodPost)
	if r.isBeat {
		isKnown = q.isMethod(http.MethodGet) || q.isMethod(http.MethodHead)
	}
	if !isKnown && !preflight {
		return r, refuseMethod(&r, q.method)
	}
	if !s.allows(q.origin) {
		return r, refuse(http.StatusForbidden, "pages of the origin "+quote.Bytes(q.origin)+" may not send here")
	}
	if r.isBeat || preflight {
		return r, nil
	}
	return r, s.checkToken(q, &r)
}

// checkToken refuses a request that needs a token and has no valid one, and
// notes what the token of another grants.
func (s *Server) checkToken(q *request, r *route) *refusal {
	if s.options.Verifier == nil {
		return nil
	}
	token := findToken(q, r.query)
	if len(token) == 0 {
		no := refuse(http.StatusUnauthorized,
			"a token is missing: send one in X-JWT-Token, in Authorization: Bearer or in the query parameter token")
		no.header, no.value = "WWW-Authenticate", "Bearer"
		return no
	}
	var err error
	if r.grant, err = s.options.Verifier.Verify(token); err != nil {
		return refuse(http.StatusForbidden, err.Error())
	}
	return nil
}

// findToken returns the token of a request, nil where it has none. An empty
// header counts as none.
func findToken(q *request, query []byte) []byte {
	if len(q.jwtToken) > 0 {
		return q.jwtToken
	}
	// RFC 9110, section 11.1: the scheme's case does not matter.
	scheme, token, _ := bytes.Cut(q.authorization, []byte{' '})
	if token = bytes.TrimSpace(token); len(token) > 0 && bytes.EqualFold(scheme, []byte("Bearer")) {
		return token
	}
	return decode.QueryToken(query)
}
