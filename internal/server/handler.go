package server

import (
	"bytes"
	"math/rand/v2"
	"runtime/debug"
	"sync"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/metric"
)

// earlyBody is the size from which on a request's head is judged before its
// body is read, so that memory and time go to requests that may be served.
const earlyBody = 16 << 10

// chunkedBody is the length of a body that comes in chunks.
const chunkedBody = -1

// unread marks a request whose body was left on the connection. No client can
// send it: a colon ends a header's name.
const unread = ":unread"

// headReceived is called between a request's head and its body. A body that is
// too large, and one of a request that will be refused for its head, is not
// read: the handler then answers the head alone and the connection is closed.
func (s *Server) headReceived(head *fasthttp.RequestHeader) (config fasthttp.RequestConfig) {
	size := head.ContentLength() // chunkedBody, or negative where there is none
	if size <= min(earlyBody, s.options.MaxBody) && size != chunkedBody && len(head.Peek(fasthttp.HeaderExpect)) == 0 {
		return config
	}
	if size <= s.options.MaxBody {
		if _, no := s.admit(head); no == nil {
			s.heads.Store(head, newHeadCopy(head))
			return config
		}
	}
	head.Del(fasthttp.HeaderExpect)
	head.SetContentLength(0)
	head.Set(unread, "1")
	return config
}

// work is the memory that one request is worked on in. Everything in it is
// void when the request is answered.
type work struct {
	decoder  decode.Decoder
	metric   metric.Metric
	name     []byte // the metric's name, percent-decoded
	body     []byte // the body, decompressed
	lines    metric.Lines
	rejected []rejection
}

var works = sync.Pool{New: func() any { return new(work) }}

func getWork() *work { return works.Get().(*work) }

// maxKept is how large the buffers may be that are kept for later requests.
const maxKept = 256 << 10

func putWork(w *work) {
	if cap(w.body) <= maxKept && cap(w.lines.Bytes) <= maxKept {
		clear(w.rejected)
		works.Put(w)
	}
}

// handle answers one request.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	defer s.recover(ctx)
	c := connOf(ctx.Conn())
	head := &ctx.Request.Header
	s.heads.Delete(head)
	allowOrigin(&ctx.Response, head.Peek(fasthttp.HeaderOrigin))
	isUnread := head.ContentLength() == 0 && len(head.Peek(unread)) > 0
	if isUnread {
		c.linger.Store(true)
		ctx.SetConnectionClose()
	}
	if c.late {
		s.refuse(ctx, refuseBusy("the server is shutting down"))
		return
	}
	r, no := s.admit(head)
	switch {
	case no != nil:
	case isPreflight(head):
		answerPreflight(ctx, &r)
	case isUnread:
		no = s.refuseBody()
	case r.isBeat:
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString("OK")
	default:
		no = s.forward(ctx, &r)
	}
	if no != nil {
		s.refuse(ctx, no)
	}
}

// recover keeps a fault of ours from taking the whole server down.
func (s *Server) recover(ctx *fasthttp.RequestCtx) {
	if fault := recover(); fault != nil {
		s.log.Error("panic", "fault", fault, "stack", string(debug.Stack()))
		s.refuse(ctx, refuse(fasthttp.StatusInternalServerError, "internal error"))
	}
}

// forward reads the metrics of a request that was admitted and sends them.
func (s *Server) forward(ctx *fasthttp.RequestCtx, r *route) *refusal {
	w := getWork()
	defer putWork(w)
	w.lines.Truncate(0)
	boundary, no := checkType(&ctx.Request.Header, r)
	if no != nil {
		return no
	}
	body, no := s.readBody(ctx, w)
	if no != nil {
		return no
	}
	if r.isBatch {
		return s.forwardBatch(ctx, w, body)
	}
	if no := w.decode(r, body, boundary); no != nil {
		return no
	}
	if err := s.encode(w); err != nil {
		return refuse(fasthttp.StatusBadRequest, err.Error())
	}
	return s.send(&w.lines)
}

// encode appends the lines of w.metric to w.lines, unless sampling leaves them
// out.
func (s *Server) encode(w *work) error {
	before := len(w.lines.Ends)
	written, err := s.options.Encoder.Append(&w.lines, &w.metric, nil)
	if err == nil && written.Rate < 1 && rand.Float64() >= written.Rate {
		w.lines.Truncate(before)
	}
	return err
}

// send hands lines to the sink, all of them or none.
func (s *Server) send(lines *metric.Lines) *refusal {
	if len(lines.Ends) == 0 {
		return nil
	}
	if err := s.options.Sink.Send(lines.Bytes, lines.Ends); err != nil {
		return refuseBusy(err.Error())
	}
	if s.debug {
		for line := range bytes.SplitSeq(lines.Bytes, []byte{'\n'}) {
			s.log.Debug("forwarded", "line", string(line))
		}
	}
	return nil
}

// decode reads the body of a request for one metric into w.metric; without a
// body its query.
func (w *work) decode(r *route, body []byte, boundary string) *refusal {
	w.metric.Reset()
	w.metric.Kind = r.kind
	w.metric.Name = r.name
	var err error
	if bytes.IndexByte(r.name, '%') >= 0 {
		if w.name, err = decode.AppendUnescaped(w.name[:0], r.name); err != nil {
			return refuse(fasthttp.StatusBadRequest, "name "+metric.Quote(r.name)+": "+err.Error())
		}
		w.metric.Name = w.name
	}
	switch {
	case len(body) == 0:
		err = w.decoder.Query(&w.metric, r.query, r.want)
	case boundary != "":
		err = w.decoder.Multipart(&w.metric, body, boundary, r.want)
	case decode.IsJSON(body):
		err = w.decoder.JSON(&w.metric, body, r.want)
	default:
		err = w.decoder.Form(&w.metric, body, r.want)
	}
	if err != nil {
		return refuse(fasthttp.StatusBadRequest, err.Error())
	}
	return nil
}
