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
	if s.debug {
		s.logRefusal(ctx, no, newHeadCopy(&ctx.Request.Header))
	}
}

func (s *Server) logRefusal(ctx *fasthttp.RequestCtx, no *refusal, head *headCopy) {
	s.log.Debug("refused", "status", no.status, "error", no.message,
		"method", metric.Cut(head.method), "path", metric.Cut(head.path), "client", ctx.RemoteAddr())
}

// headCopy is what is kept of a request's head while its body is read, and
// what the log shows of it: not the query, which may hold a token.
type headCopy struct{ origin, method, path string }

func newHeadCopy(head *fasthttp.RequestHeader) *headCopy {
	path, _, _ := bytes.Cut(head.RequestURI(), []byte{'?'})
	return &headCopy{string(head.Peek(fasthttp.HeaderOrigin)), string(head.Method()), string(path)}
}

// requestFailed answers a request that could not be read; the connection is
// closed afterwards. Unless a headCopy is there its head is gone, and with it
// the origin to answer to.
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
		no = refuse(fasthttp.StatusRequestURITooLong, "the URL is too long: the request line and headers may take 16 KiB")
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		no = s.refuseBody()
	default:
		no = refuse(fasthttp.StatusBadRequest, "the request is not well-formed HTTP")
	}
	head := new(headCopy)
	if kept, ok := s.heads.LoadAndDelete(&ctx.Request.Header); ok {
		head = kept.(*headCopy)
	}
	allowOrigin(&ctx.Response, []byte(head.origin))
	writeRefusal(ctx, no)
	if s.debug {
		s.logRefusal(ctx, no, head)
	}
}
