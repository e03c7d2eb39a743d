package ingest

import (
	"bytes"
	"net/http"
	"net/netip"
	"net/url"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/quote"
)

// admit decides on a request by its head. It returns an error, or answers the request,
// or fills a and reports that it wants the body.
func (h *Handler) admit(x *exchange.Exchange, a *admission) (wantsBody bool, herr *exchange.HTTPError) {
	q, response := &x.Request, &x.Response
	target := q.Bytes(q.Target)
	switch {
	case q.IsMethod(http.MethodConnect):
		return false, methodNotAllowed(q.Bytes(q.Method), serverMethods)
	case string(target) == "*": // RFC 9110, section 9.3.7
		response.Status, response.Header, response.Value = http.StatusNoContent, "Allow", serverMethods
		return false, nil
	}
	r := &a.route
	if !r.find(target, h.options.Encoder) {
		if file := h.findClientFile(target); file != nil {
			return false, serveClientFile(x, file)
		}
		return false, h.servePage(x)
	}
	x.Route = r.counted(q)
	switch {
	case !r.allows(q):
		return false, methodNotAllowed(q.Bytes(q.Method), r.methods)
	case !h.allowsOrigin(q):
		a.cause = causeOrigin
		return false, exchange.NewError(http.StatusForbidden, "pages of the origin "+quote.Bytes(q.Bytes(q.Origin))+" may not send here")
	}
	needsToken := !r.isHeartbeat && !q.IsPreflight()
	if needsToken {
		if herr := h.checkToken(q, a); herr != nil {
			return false, herr
		}
	}
	switch {
	case q.BadExpectation:
		return false, exchange.NewError(http.StatusExpectationFailed, "an expectation other than 100-continue cannot be met")
	case q.IsPreflight():
		response.Status, response.AllowedMethods = http.StatusNoContent, r.methods
		response.AllowedHeaders = requestedHeaders(q.Bytes(q.PreflightHeaders))
		return false, nil
	case r.isHeartbeat:
		response.ContentType = "text/plain; charset=utf-8"
		response.Header, response.Value = "Cache-Control", "no-store"
		response.Body = append(response.Body, "OK"...)
		return false, nil
	}
	herr = h.admitBody(q, a)
	return herr == nil, herr
}

// admitBody decides whether the body of a request may be read.
func (h *Handler) admitBody(q *exchange.Request, a *admission) (herr *exchange.HTTPError) {
	a.maxBody = h.options.MaxBody
	a.rate, a.isLimited = h.rateOf(a.grant)
	a.limitsSeries = a.hasMaxSeries() || h.options.Series != nil
	if a.isLimited || a.hasMaxSeries() {
		a.client = h.client(q, a)
	}
	if a.isLimited {
		a.maxBody = min(a.maxBody, maxBodyOf(&a.rate))
		if herr := h.chargeHead(q, a); herr != nil {
			return herr
		}
	}
	if q.BodyLength > a.maxBody {
		return exchange.BodyTooLarge(a.maxBody)
	}
	switch {
	case q.IsHTTP10 && !q.HasLength:
		// A body that ends with the connection would pass for none.
		return exchange.NewError(http.StatusLengthRequired, "a request in HTTP/1.0 needs a Content-Length")
	case q.BodyLength == 0:
		return nil // the type of no body does not matter
	}
	if a.boundary, herr = checkType(q.Bytes(q.ContentType), a.route.isBatch); herr != nil {
		return herr
	}
	a.decompressor, herr = findDecompressor(q.Bytes(q.ContentEncoding))
	return herr
}

// servePage has Options.Pages answer a request without a route, or returns a 404.
func (h *Handler) servePage(x *exchange.Exchange) *exchange.HTTPError {
	q := &x.Request
	target := q.Bytes(q.Target)
	if h.options.Pages == nil || !q.IsMethod(http.MethodGet) && !q.IsMethod(http.MethodHead) {
		return noRoute(target, h.options.Encoder)
	}
	parsed, err := url.ParseRequestURI(string(target))
	if err != nil {
		return exchange.NewError(http.StatusBadRequest, "the URL is malformed")
	}
	x.Response.Page, x.Response.PageURL = h.options.Pages, parsed
	return nil
}

// checkToken verifies the token of a request and stores its grant in a.
func (h *Handler) checkToken(q *exchange.Request, a *admission) *exchange.HTTPError {
	if h.options.Verifier == nil {
		return nil
	}
	token := findToken(q, a.route.query)
	if len(token) == 0 {
		h.options.Verifier.CountMissing()
		herr := exchange.NewError(http.StatusUnauthorized,
			"a token is missing: send one in X-JWT-Token, in Authorization: Bearer or in the query parameter token")
		herr.Header, herr.Value = "WWW-Authenticate", `Bearer realm="metrics"`
		return herr
	}
	var err error
	if a.grant, err = h.options.Verifier.Verify(token); err != nil {
		return exchange.NewError(http.StatusForbidden, err.Error())
	}
	return nil
}

// findToken returns the token of a request without blanks and line feeds around it, empty
// if the request has none. An empty header field counts as absent.
func findToken(q *exchange.Request, query []byte) []byte {
	// Some clients write the same value into both fields.
	if token, _ := cutBearer(q.Bytes(q.JWTToken)); len(token) > 0 {
		return token
	}
	if token, isBearer := cutBearer(q.Bytes(q.Authorization)); isBearer && len(token) > 0 {
		return token
	}
	return bytes.TrimSpace(decode.QueryToken(query))
}

// cutBearer returns a field value without the scheme Bearer, which may be in any case (RFC
// 9110, section 11.1), and reports whether it had the scheme.
func cutBearer(value []byte) (rest []byte, hasScheme bool) {
	const scheme = "Bearer"
	if len(value) < len(scheme) || !bytes.EqualFold(value[:len(scheme)], []byte(scheme)) {
		return value, false
	}
	rest = value[len(scheme):]
	if len(rest) > 0 && rest[0] != ' ' && rest[0] != '\t' {
		return value, false
	}
	return bytes.TrimSpace(rest), true
}

// clientAddress returns the address that a request comes from: that of the connection,
// or the one that trusted proxies report.
func (h *Handler) clientAddress(q *exchange.Request, a *admission) netip.Addr {
	if len(h.options.TrustedProxies) == 0 {
		return q.Peer
	}
	a.forwardedFor = a.forwardedFor[:0]
	for _, value := range q.ForwardedFor {
		a.forwardedFor = append(a.forwardedFor, q.Bytes(value))
	}
	return h.options.TrustedProxies.ClientAddress(q.Peer, a.forwardedFor)
}
