package ingest

import (
	"bytes"

	"statsd-http-proxy/internal/exchange"
)

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

// maxNames is how many header fields a preflight may request.
const maxNames = 64

// requestedHeaders returns the header fields that a preflight requests, separated by
// commas. It returns nil if there are none or too many, or if one is no name of a field.
func requestedHeaders(list []byte) []byte {
	if bytes.Count(list, []byte{','}) >= maxNames {
		return nil
	}
	for name := range bytes.SplitSeq(list, []byte{','}) {
		if !exchange.IsToken(bytes.Trim(name, " \t")) {
			return nil
		}
	}
	return list
}
