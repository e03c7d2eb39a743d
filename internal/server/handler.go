package server

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"sync"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
	"statsd-http-proxy/internal/sender"
)

// work is the memory that one request is read and answered in. Everything in it
// is void when the request is answered.
type work struct {
	request  request
	response response
	client   limit.Client // where there is a limit to its rate
	head     []byte       // of the request, where it does not stay where it was received
	out      []byte       // the response as it is sent
	*desk                 // nil but while the metrics are worked on

	// Over HTTP/2:
	stream stream
	values [maxHeaders]string // of the response's headers
}

var works = sync.Pool{New: func() any { return new(work) }}

func getWork() *work {
	w := works.Get().(*work)
	w.request.reset()
	return w
}

func putWork(w *work) { works.Put(w) }

// desk is the memory that the metrics of a request are worked on in. It may be
// large, so a request has it no sooner than its body is there, and no longer than
// until its answer is ready: both before and after that its client may be slow.
type desk struct {
	decoder  decode.Decoder
	metric   metric.Metric
	name     []byte // the metric's name, percent-decoded
	body     []byte // the body, decompressed
	lines    metric.Lines
	rejected []rejection
	series   []series // of lines, where there is a limit to them
}

// reset empties d for the next request. What the decoder and the metric hold is
// void already.
func (d *desk) reset() {
	d.lines.Truncate(0)
	d.rejected, d.series = d.rejected[:0], d.series[:0]
}

var desks = sync.Pool{New: func() any { return new(desk) }}

func getDesk() *desk {
	d := desks.Get().(*desk)
	d.reset()
	return d
}

// maxKept is how large the buffers may be that are kept for later requests.
const maxKept = 256 << 10

// putDesk takes the desk of w back.
func putDesk(w *work) {
	d := w.desk
	w.desk = nil
	if cap(d.body) <= maxKept && cap(d.lines.Bytes) <= maxKept && cap(d.series) <= maxKept/seriesSize {
		clear(d.rejected)
		desks.Put(d)
	}
}

// handle answers w.request with w.response, also where a fault of ours cuts the
// work on it short: that must not take the whole server down.
func (s *Server) handle(w *work) {
	defer func() {
		if fault := recover(); fault != nil {
			s.logPanic(fault)
			s.refuse(w, refuse(http.StatusInternalServerError, "internal error"))
		}
	}()
	w.response.reset()
	s.answerOrigin(w)
	if no := s.answer(w); no != nil {
		s.refuse(w, no)
	}
}

// logPanic logs a fault of ours. It is called where it was recovered from.
func (s *Server) logPanic(fault any) {
	s.log.Error("panic", "fault", fault, "stack", string(debug.Stack()))
}

// answer serves a request or tells why it does not.
func (s *Server) answer(w *work) *refusal {
	q, response := &w.request, &w.response
	if q.late {
		return refuseBusy("the server is shutting down")
	}
	r, no := s.admit(q)
	switch {
	case no != nil && no.status == http.StatusNotFound && s.isForPages(q):
		response.isPage = true
		return nil
	case no != nil:
		return no
	case q.unmet:
		return refuse(http.StatusExpectationFailed, "an expectation other than 100-continue cannot be met")
	case q.isPreflight():
		response.status, response.methods = http.StatusNoContent, r.methods
		return nil
	case r.isBeat:
		response.contentType = "text/plain; charset=utf-8"
		response.body = append(response.body, "OK"...)
		return nil
	}
	return s.forward(w, &r)
}

// forward reads the metrics of a request that was admitted and sends them.
func (s *Server) forward(w *work, r *route) *refusal {
	q := &w.request
	if s.options.Rates != nil {
		w.client = s.client(q, r)
	}
	if no := s.take(w.client, 1); no != nil {
		return no
	}
	if q.length > s.options.MaxBody {
		return s.refuseBody()
	}
	boundary, no := checkType(q.contentType, r)
	if no != nil {
		return no
	}
	d, no := findDecompressor(q.contentEncoding)
	if no != nil {
		return no
	}
	body, no := q.body.readBody(s.options.MaxBody)
	if no != nil {
		return no
	}
	if len(body) > earlyBody || d != nil {
		s.heavy <- struct{}{}
		defer func() { <-s.heavy }()
	}
	w.desk = getDesk()
	defer putDesk(w)
	if d != nil {
		if body, no = s.decompress(w, body, d); no != nil {
			return no
		}
	}
	if r.isBatch {
		return s.forwardBatch(w, r, body)
	}
	if no := w.decode(r, body, boundary); no != nil {
		return no
	}
	if err := s.encode(w, r, 0); err != nil {
		var forbidden *metric.ForbiddenError
		if errors.As(err, &forbidden) {
			return refuse(http.StatusForbidden, err.Error())
		}
		return refuse(http.StatusBadRequest, err.Error())
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
	if err == nil {
		s.sample(w, written, entry, before)
	}
	return err
}

// sample drops the lines that were written for an entry, those behind the first
// groups, if sampling leaves them out, and else notes their series.
func (s *Server) sample(w *work, written metric.Written, entry, before int) {
	switch {
	case written.Rate < 1 && rand.Float64() >= written.Rate:
		w.lines.Truncate(before)
	case s.options.Series != nil:
		w.series = append(w.series, series{entry, before, len(written.Name), limit.HashSeries(written.Name, written.Tags)})
	}
}

// send hands lines to the sink, all of them or none.
func (s *Server) send(lines *metric.Lines) *refusal {
	if len(lines.Ends) == 0 {
		return nil
	}
	switch err := s.options.Sink.Send(lines.Bytes, lines.Ends); {
	case errors.Is(err, sender.ErrTooLarge):
		return refuse(http.StatusRequestEntityTooLarge, err.Error()+": send them in parts")
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
			return refuse(http.StatusBadRequest, "name "+quote.Bytes(r.name)+": "+err.Error())
		}
		w.metric.Name = w.name
	}
	switch {
	case len(body) == 0:
		err = w.decoder.Query(&w.metric, r.query, r.params)
	case boundary != "":
		err = w.decoder.Multipart(&w.metric, body, boundary, r.params)
	case decode.IsJSON(body):
		err = w.decoder.JSON(&w.metric, body, r.params)
	default:
		err = w.decoder.Form(&w.metric, body, r.params)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	return nil
}
