package server

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/metric"
)

// refusal is the answer to a request that is not served.
type refusal struct {
	status        int
	message       string // one sentence that repeats at most 64 bytes of input
	header, value string // one more header, none where header is empty
}

func refuse(status int, message string) *refusal {
	return &refusal{status: status, message: message}
}

func refuseMethod(r *route, method []byte) *refusal {
	no := refuse(fasthttp.StatusMethodNotAllowed,
		"method "+metric.Quote(method)+" is not allowed here; allowed: "+r.methods)
	no.header, no.value = fasthttp.HeaderAllow, r.methods
	return no
}

func refuseBusy(why string) *refusal {
	no := refuse(fasthttp.StatusServiceUnavailable, why)
	no.header, no.value = fasthttp.HeaderRetryAfter, "1"
	return no
}

// writeRefusal writes no as the response.
func writeRefusal(ctx *fasthttp.RequestCtx, no *refusal) {
	ctx.Response.SetStatusCode(no.status)
	ctx.Response.Header.SetContentType("application/json")
	if no.header != "" {
		ctx.Response.Header.Set(no.header, no.value)
	}
	body := append(ctx.Response.Body()[:0], `{"error":`...)
	body, _ = jsontext.AppendQuote(body, no.message) // an error only tells of bad UTF-8, which is mended
	ctx.Response.SetBody(append(body, '}'))
}

// refuse answers a request with no, and logs that.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, no *refusal) {
	writeRefusal(ctx, no)
	if s.debug && s.refusals.allow() {
		// Not the query, which may hold a token.
		path, _, _ := bytes.Cut(ctx.Request.Header.RequestURI(), []byte{'?'})
		s.log.Debug("refused", "status", no.status, "error", no.message,
			"method", metric.Cut(string(ctx.Method())), "path", metric.Cut(string(path)), "client", ctx.RemoteAddr())
	}
}

// requestFailed answers a request whose head could not be read; the connection
// is closed afterwards. To which origin it would answer is not known.
func (s *Server) requestFailed(ctx *fasthttp.RequestCtx, err error) {
	no := unreadable
	if fault := (*headError)(nil); errors.As(err, &fault) {
		no = fault.refusal
	}
	connOf(ctx.Conn()).linger = no != tooSlow // that one had its time
	ctx.Response.Header.SetCanonical(headerTypeOptions, valueNoSniff)
	writeRefusal(ctx, no)
	if s.debug && s.refusals.allow() {
		s.log.Debug("refused", "status", no.status, "error", no.message, "client", ctx.RemoteAddr())
	}
}
