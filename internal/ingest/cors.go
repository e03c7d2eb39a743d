package ingest

import "statsd-http-proxy/internal/exchange"

// allowsOrigin reports whether the page that sent a request may send. A request without
// an origin comes from no page.
func (h *Handler) allowsOrigin(q *exchange.Request) bool {
	return q.Origin.IsEmpty() || h.options.Origins.Allow(q.Bytes(q.Origin))
}

// setOrigin lets the page that sent a request read the response if it may send.
func (h *Handler) setOrigin(x *exchange.Exchange) {
	if q := &x.Request; !q.Origin.IsEmpty() {
		x.Response.VariesByOrigin = true
		if h.allowsOrigin(q) {
			x.Response.AllowedOrigin = q.Bytes(q.Origin)
		}
	}
}
