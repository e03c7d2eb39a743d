package server

import (
	"bytes"
	"errors"
	"os"

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

// answer writes no as the response.
func (s *Server) answer(ctx *fasthttp.RequestCtx, no *refusal) {
	ctx.Response.SetStatusCode(no.status)
	ctx.Response.Header.SetContentType("application/json")
	if no.header != "" {
		ctx.Response.Header.Set(no.header, no.value)
	}
	body := append(ctx.Response.Body()[:0], `{"error":`...)
	body, _ = jsontext.AppendQuote(body, no.message) // an error only tells of bad UTF-8, which is mended
	ctx.Response.SetBody(append(body, '}'))
	if s.debug {
		s.log.Debug("refused", "status", no.status, "error", no.message,
			"method", metric.Cut(string(ctx.Method())), "path", metric.Cut(string(pathOf(ctx))), "client", ctx.RemoteAddr())
	}
}

// pathOf returns the target of a request without its query, which may hold a
// token.
func pathOf(ctx *fasthttp.RequestCtx) []byte {
	path, _, _ := bytes.Cut(ctx.Request.Header.RequestURI(), []byte{'?'})
	return path
}

// requestFailed answers a request that could not be read. Its head is gone, so
// there is no origin to answer to; the connection is closed afterwards.
func (s *Server) requestFailed(ctx *fasthttp.RequestCtx, err error) {
	c := connOf(ctx.Conn())
	c.linger.Store(true)
	var tooLong *fasthttp.ErrSmallBuffer
	var no *refusal
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.linger.Store(false) // it had its time
		if !c.readAny {
			// A browser opened the connection ahead of need: no request has
			// failed, and an answer would be taken for one to the next.
			_ = c.Close()
			return
		}
		no = refuse(fasthttp.StatusRequestTimeout, "the request did not arrive in time")
	case errors.As(err, &tooLong) && c.readLine:
		no = refuse(fasthttp.StatusRequestHeaderFieldsTooLarge, "the request line and headers are larger than 16 KiB")
	case errors.As(err, &tooLong):
		no = refuse(fasthttp.StatusRequestURITooLong, "the URL is larger than 16 KiB")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		no = s.refuseBody()
	default:
		no = refuse(fasthttp.StatusBadRequest, "the request is not well-formed HTTP")
	}
	s.answer(ctx, no)
}
