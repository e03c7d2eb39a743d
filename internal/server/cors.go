package server

import (
	"github.com/valyala/fasthttp"
)

// What a preflight is told, see https://fetch.spec.whatwg.org/#http-cors-protocol.
const (
	corsHeaders = "X-JWT-Token, Authorization, Content-Type, Content-Encoding, X-Requested-With"
	corsMaxAge  = "86400" // seconds; browsers cap it at two hours and more
)

var (
	headerAllowOrigin      = []byte(fasthttp.HeaderAccessControlAllowOrigin)
	headerAllowCredentials = []byte(fasthttp.HeaderAccessControlAllowCredentials)
	headerExposeHeaders    = []byte(fasthttp.HeaderAccessControlExposeHeaders)
	headerVary             = []byte(fasthttp.HeaderVary)
	headerTypeOptions      = []byte(fasthttp.HeaderXContentTypeOptions)

	valueTrue       = []byte("true")
	valueNoSniff    = []byte("nosniff")
	valueOrigin     = []byte(fasthttp.HeaderOrigin)
	valueRetryAfter = []byte(fasthttp.HeaderRetryAfter)
)

// isPreflight tells whether a request asks, in a browser's name, whether
// another one may be sent. It never carries a token.
func isPreflight(head *fasthttp.RequestHeader) bool {
	return head.IsOptions() &&
		len(head.Peek(fasthttp.HeaderOrigin)) > 0 &&
		len(head.Peek(fasthttp.HeaderAccessControlRequestMethod)) > 0
}

// allows tells whether pages of an origin may send. A request without one
// comes from no page.
func (s *Server) allows(origin []byte) bool {
	return len(origin) == 0 || s.options.Origins.Allow(origin)
}

// answerOrigin lets the page at origin, which sent the request, read its
// answer if it may send. Credentials are allowed since navigator.sendBeacon
// always asks with them; the proxy reads no cookie, so they give a page nothing
// that it did not have.
func (s *Server) answerOrigin(response *fasthttp.Response, origin []byte) {
	if len(origin) == 0 {
		return
	}
	h := &response.Header
	h.SetCanonical(headerVary, valueOrigin)
	if s.allows(origin) {
		h.SetCanonical(headerAllowOrigin, origin)
		h.SetCanonical(headerAllowCredentials, valueTrue)
		h.SetCanonical(headerExposeHeaders, valueRetryAfter)
	}
}

// answerPreflight answers 204 with what the route allows.
func answerPreflight(ctx *fasthttp.RequestCtx, r *route) {
	ctx.SetStatusCode(fasthttp.StatusNoContent)
	h := &ctx.Response.Header
	h.Set(fasthttp.HeaderAccessControlAllowMethods, r.methods)
	h.Set(fasthttp.HeaderAccessControlAllowHeaders, corsHeaders)
	h.Set(fasthttp.HeaderAccessControlMaxAge, corsMaxAge)
}
