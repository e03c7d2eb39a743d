package server

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"mime"
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
	decoder decode.Decoder
	metric  metric.Metric
	name    []byte // the metric's name, percent-decoded
	lines   []byte
}

var works = sync.Pool{New: func() any { return new(work) }}

func getWork() *work  { return works.Get().(*work) }
func putWork(w *work) { works.Put(w) }

// handle answers one request.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	defer s.recover(ctx)
	allowOrigin(ctx)
	c := connOf(ctx.Conn())
	head := &ctx.Request.Header
	isUnread := head.ContentLength() == 0 && len(head.Peek(unread)) > 0
	if isUnread {
		c.linger.Store(true)
		ctx.SetConnectionClose()
	}
	if c.late {
		s.answer(ctx, refuseBusy("the server is shutting down"))
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
		s.answer(ctx, no)
	}
}

// recover keeps a fault of ours from taking the whole server down.
func (s *Server) recover(ctx *fasthttp.RequestCtx) {
	if fault := recover(); fault != nil {
		s.log.Error("panic", "fault", fault, "stack", string(debug.Stack()))
		s.answer(ctx, refuse(fasthttp.StatusInternalServerError, "internal error"))
	}
}

// forward reads the metric of a request that was admitted and sends it.
func (s *Server) forward(ctx *fasthttp.RequestCtx, r *route) *refusal {
	w := getWork()
	defer putWork(w)
	if no := w.decode(ctx, r); no != nil {
		return no
	}
	lines, rate, err := s.options.Encoder.Append(w.lines[:0], &w.metric)
	if err != nil {
		return refuse(fasthttp.StatusBadRequest, err.Error())
	}
	w.lines = lines
	if rate < 1 && rand.Float64() >= rate {
		return nil // sampled out
	}
	if err := s.options.Sink.Send(lines); err != nil {
		return refuseBusy(err.Error())
	}
	if s.debug {
		for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
			s.log.Debug("forwarded", "line", string(line))
		}
	}
	return nil
}

// decode reads a request into w.metric.
func (w *work) decode(ctx *fasthttp.RequestCtx, r *route) *refusal {
	form, boundary, no := bodyForm(&ctx.Request.Header)
	if no != nil {
		return no
	}
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
	body := ctx.Request.Body()
	switch {
	case len(body) == 0:
		err = w.decoder.Query(&w.metric, r.query)
	case form == multipartForm:
		err = w.decoder.Multipart(&w.metric, body, boundary)
	case decode.IsJSON(body):
		err = w.decoder.JSON(&w.metric, body)
	default:
		err = w.decoder.Form(&w.metric, body)
	}
	if err != nil {
		return refuse(fasthttp.StatusBadRequest, err.Error())
	}
	return nil
}

const (
	jsonOrForm = iota // the body itself tells which
	multipartForm
)

// bodyForm tells how to read the body that a request declares.
func bodyForm(head *fasthttp.RequestHeader) (form int, boundary string, no *refusal) {
	if encoding := head.Peek(fasthttp.HeaderContentEncoding); len(encoding) > 0 && !bytes.EqualFold(encoding, []byte("identity")) {
		return 0, "", refuse(fasthttp.StatusUnsupportedMediaType,
			"content encoding "+metric.Quote(encoding)+" is not supported")
	}
	declared := head.ContentType()
	mediaType, _, _ := bytes.Cut(declared, []byte{';'})
	mediaType = bytes.TrimSpace(mediaType)
	for _, known := range textTypes {
		if bytes.EqualFold(mediaType, known) {
			return jsonOrForm, "", nil
		}
	}
	if !bytes.EqualFold(mediaType, []byte("multipart/form-data")) {
		return 0, "", refuse(fasthttp.StatusUnsupportedMediaType,
			"content type "+metric.Quote(mediaType)+" is not supported")
	}
	_, params, err := mime.ParseMediaType(string(declared))
	if err != nil || params["boundary"] == "" {
		return 0, "", refuse(fasthttp.StatusBadRequest, "the content type multipart/form-data has no boundary")
	}
	return multipartForm, params["boundary"], nil
}

// textTypes are the content types whose body tells by itself whether it is
// JSON or a form.
var textTypes = [][]byte{
	[]byte("application/json"),
	[]byte("text/plain"),
	[]byte("application/x-www-form-urlencoded"),
	{}, // none at all
}

func (s *Server) refuseBody() *refusal {
	return refuse(fasthttp.StatusRequestEntityTooLarge,
		fmt.Sprintf("the body is larger than %d bytes", s.options.MaxBody))
}
