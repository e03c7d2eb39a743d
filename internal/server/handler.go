package server

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"runtime/debug"
	"sync"

	"github.com/valyala/fasthttp"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/statsd"
)

// headReceived is called between a request's head and its body. The library is
// told that there is no body, and that none has to be asked for: the handler
// reads it, when it is known that the request may be served.
func headReceived(head *fasthttp.RequestHeader) (config fasthttp.RequestConfig) {
	if head.ContentLength() != 0 {
		head.SetContentLength(0)
	}
	if len(head.Peek(fasthttp.HeaderExpect)) > 0 {
		head.Del(fasthttp.HeaderExpect)
	}
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
	series   []series     // of lines, where there is a limit to them
	client   limit.Client // where there is a limit to its rate
}

// reset empties w for the next request. What the decoder and the metric hold is
// void already.
func (w *work) reset() {
	w.lines.Truncate(0)
	w.rejected, w.series = w.rejected[:0], w.series[:0]
}

var works = sync.Pool{New: func() any { return new(work) }}

func getWork() *work { return works.Get().(*work) }

// maxKept is how large the buffers may be that are kept for later requests.
const maxKept = 256 << 10

func putWork(w *work) {
	if cap(w.body) <= maxKept && cap(w.lines.Bytes) <= maxKept && cap(w.series) <= maxKept/seriesSize {
		clear(w.rejected)
		works.Put(w)
	}
}

// handle answers one request.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	c := connOf(ctx.Conn())
	defer s.finish(ctx, c)
	ctx.Response.Header.SetCanonical(headerTypeOptions, valueNoSniff)
	s.answerOrigin(&ctx.Response, ctx.Request.Header.Peek(fasthttp.HeaderOrigin))
	if no := s.answer(ctx, c); no != nil {
		s.refuse(ctx, no)
	}
}

// answer serves a request or tells why it does not.
func (s *Server) answer(ctx *fasthttp.RequestCtx, c *conn) *refusal {
	if c.late {
		return refuseBusy("the server is shutting down")
	}
	head := &ctx.Request.Header
	r, no := s.admit(head)
	switch {
	case no != nil:
		return no
	case c.body.unmet:
		return refuse(fasthttp.StatusExpectationFailed, "an expectation other than 100-continue cannot be met")
	case isPreflight(head):
		answerPreflight(ctx, &r)
		return nil
	case r.isBeat:
		ctx.SetContentType("text/plain; charset=utf-8")
		ctx.SetBodyString("OK")
		return nil
	}
	return s.forward(ctx, c, &r)
}

// finish ends the work on a request, also where a fault of ours cut it short:
// that must not take the whole server down.
func (s *Server) finish(ctx *fasthttp.RequestCtx, c *conn) {
	if fault := recover(); fault != nil {
		s.log.Error("panic", "fault", fault, "stack", string(debug.Stack()))
		s.refuse(ctx, refuse(fasthttp.StatusInternalServerError, "internal error"))
	}
	if !c.skipBody() {
		ctx.SetConnectionClose()
		c.linger = ctx.Response.StatusCode() != tooSlow.status // that one had its time
	}
	if s.draining.Load() {
		ctx.SetConnectionClose()
	}
	c.letGo()
}

// forward reads the metrics of a request that was admitted and sends them.
func (s *Server) forward(ctx *fasthttp.RequestCtx, c *conn, r *route) *refusal {
	w := getWork()
	defer putWork(w)
	w.reset()
	if s.options.Rates != nil {
		w.client = s.client(ctx, c, r)
	}
	if no := s.take(w.client, 1); no != nil {
		return no
	}
	if c.body.length > s.options.MaxBody {
		return s.refuseBody()
	}
	boundary, no := checkType(&ctx.Request.Header, r)
	if no != nil {
		return no
	}
	d, no := findDecompressor(&ctx.Request.Header)
	if no != nil {
		return no
	}
	body, no := c.readBody(s.options.MaxBody)
	if no != nil {
		return no
	}
	if len(body) > earlyBody || d != nil {
		s.heavy <- struct{}{}
		defer func() { <-s.heavy }()
	}
	if d != nil {
		if body, no = s.decompress(w, body, d); no != nil {
			return no
		}
	}
	if r.isBatch {
		return s.forwardBatch(ctx, w, r, body)
	}
	if no := w.decode(r, body, boundary); no != nil {
		return no
	}
	if err := s.encode(w, r, 0); err != nil {
		var forbidden *metric.ForbiddenError
		if errors.As(err, &forbidden) {
			return refuse(fasthttp.StatusForbidden, err.Error())
		}
		return refuse(fasthttp.StatusBadRequest, err.Error())
	}
	if s.dropSeries(w) > 0 {
		return refuseLimited(w.rejected[0].message, seriesWait)
	}
	return s.send(&w.lines)
}

// encode appends the lines of w.metric, the entry with that index, to w.lines,
// unless sampling leaves them out.
func (s *Server) encode(w *work, r *route, entry int) error {
	before := len(w.lines.Ends)
	written, err := s.options.Encoder.Append(&w.lines, &w.metric, r.scope())
	switch {
	case err != nil:
		return err
	case written.Rate < 1 && rand.Float64() >= written.Rate:
		w.lines.Truncate(before)
	case s.options.Series != nil:
		w.series = append(w.series, series{entry, before, len(written.Name), limit.HashSeries(written.Name, written.Tags)})
	}
	return nil
}

// send hands lines to the sink, all of them or none.
func (s *Server) send(lines *metric.Lines) *refusal {
	if len(lines.Ends) == 0 {
		return nil
	}
	switch err := s.options.Sink.Send(lines.Bytes, lines.Ends); {
	case errors.Is(err, statsd.ErrTooLarge):
		return refuse(fasthttp.StatusRequestEntityTooLarge, err.Error()+": send them in parts")
	case err != nil:
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
