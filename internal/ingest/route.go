package ingest

import (
	"bytes"
	"net/http"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// route is what the target of a request names. Its slices are parts of the target.
//
//	/count/some.key?token=eyJ…
//	 ^^^^^ ^^^^^^^^ ^^^^^^^^^
//	 kind  name     query
type route struct {
	methods     string // the allowed ones, as in an Allow header field
	isHeartbeat bool   // /heartbeat
	isBatch     bool   // /batch; other routes take one metric
	kind        metric.Kind
	name        []byte        // as sent
	params      decode.Params // what the parameters have to contain besides the value
	query       []byte        // as sent
}

// find sets r, which is empty, to the route for a target (RFC 9112, section 3.2), and
// reports whether there is one. It does not clean the path, whose segments are a name.
func (r *route) find(target []byte, encoder *metric.Encoder) bool {
	path, query := splitTarget(target)
	switch string(path) {
	case "/heartbeat":
		r.methods, r.isHeartbeat = "GET, HEAD", true
		return true
	case "/batch":
		// The npm package statsd-client sends lines by PUT.
		r.methods, r.isBatch, r.query = "POST, PUT", true, query
		return true
	}
	first, name, hasName := bytes.Cut(bytes.TrimPrefix(path, []byte{'/'}), []byte{'/'})
	kind, ok := metric.ParseKind(first)
	if !ok || !encoder.Allows(kind) {
		return false
	}
	r.methods, r.kind, r.name, r.query = "POST", kind, name, query
	if !hasName {
		r.params = decode.NamedParams
	}
	return true
}

// splitTarget returns the path and the query of a target.
func splitTarget(target []byte) (path, query []byte) {
	path, query, _ = bytes.Cut(target, []byte{'?'})
	if len(path) == 0 || path[0] == '/' {
		return path, query
	}
	// The absolute form: scheme://host/path
	_, rest, _ := bytes.Cut(path, []byte("://"))
	if slash := bytes.IndexByte(rest, '/'); slash >= 0 {
		return rest[slash:], query
	}
	return []byte{'/'}, query // RFC 9110, section 4.2.3
}

// counted returns the route that a request counts as.
func (r *route) counted(q *exchange.Request) exchange.Route {
	switch {
	case q.IsPreflight():
		return exchange.RoutePreflight
	case r.isHeartbeat:
		return exchange.RouteHeartbeat
	case r.isBatch:
		return exchange.RouteBatch
	default:
		return exchange.RouteCount + exchange.Route(r.kind)
	}
}

// noRoute returns the 404 for a target without a route.
func noRoute(target []byte, encoder *metric.Encoder) *exchange.HTTPError {
	path, _ := splitTarget(target)
	first, _, _ := bytes.Cut(bytes.TrimPrefix(path, []byte{'/'}), []byte{'/'})
	if len(first) == 0 {
		return exchange.NewError(http.StatusNotFound,
			"no such route: "+quote.Bytes(path)+"; metrics go to /{type}/{name}, /{type} and /batch")
	}
	return exchange.NewError(http.StatusNotFound,
		"unknown metric type "+quote.Bytes(first)+"; the types are "+encoder.KindNames())
}

// allows reports whether the route allows the method of a request. A preflight is
// allowed everywhere.
func (r *route) allows(q *exchange.Request) bool {
	switch {
	case q.IsPreflight():
		return true
	case r.isHeartbeat:
		return q.IsMethod(http.MethodGet) || q.IsMethod(http.MethodHead)
	case r.isBatch && q.IsMethod(http.MethodPut):
		return true
	default:
		return q.IsMethod(http.MethodPost)
	}
}

// serverMethods are the methods that some route allows.
const serverMethods = "GET, HEAD, POST, PUT, OPTIONS"

// methodNotAllowed returns the 405 for a method.
func methodNotAllowed(method []byte, allowed string) *exchange.HTTPError {
	herr := exchange.NewError(http.StatusMethodNotAllowed,
		"method "+quote.Bytes(method)+" is not allowed here; allowed: "+allowed)
	herr.Header, herr.Value = "Allow", allowed
	return herr
}
