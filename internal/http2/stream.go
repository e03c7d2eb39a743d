package http2

import (
	"net/http"
	"sync"
	"time"

	"statsd-http-proxy/internal/exchange"
)

// stream is one request with the memory for its response.
type stream struct {
	server *Server
	stats  *exchange.StatsShard
	*exchange.Exchange
	body   body
	values [maxFields]string // of the response's header fields
}

// maxFields is the maximum number of header fields of a response.
const maxFields = 16

var streams = sync.Pool{New: func() any { return new(stream) }}

// serveStream is net/http's handler.
func (s *Server) serveStream(out http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*Conn)
	if !c.beginStream() {
		return
	}
	defer c.endStream()
	began := time.Now()
	st := streams.Get().(*stream)
	st.server, st.stats, st.Exchange = s, c.stats, exchange.Acquire(c.peer)
	st.body = body{budget: s.options.Bodies, source: r.Body, length: int(r.ContentLength)}
	st.serve(out, r)
	c.stats.ObserveDuration(time.Since(began))
	st.body.buffer.Release(s.options.Bodies)
	st.Exchange.Release()
	st.server, st.stats, st.Exchange, st.body = nil, nil, nil, body{}
	streams.Put(st)
}

// serve answers r. A panic ends this stream alone: with a 500, or with a reset if a
// page may have begun its response.
func (st *stream) serve(out http.ResponseWriter, r *http.Request) {
	defer func() {
		fault := recover()
		if fault == nil {
			return
		}
		st.server.options.Panics.Add(1)
		exchange.LogPanic(st.server.options.Logger, fault)
		if st.Response.Page != nil {
			panic(http.ErrAbortHandler) // net/http resets the stream without another line in the log
		}
		st.Response.SetError(exchange.InternalError)
		st.writeResponse(out, r)
	}()
	st.handle(r)
	if st.Response.Page != nil {
		st.servePage(out, r)
		return
	}
	st.drainBody()
	exchange.Delay(st.server.options.Stopping, st.Response.Delay)
	st.writeResponse(out, r)
}

// handle reads r and passes it to the handler, which sets the response.
func (st *stream) handle(r *http.Request) {
	x, options := st.Exchange, &st.server.options
	if herr := st.readHead(r); herr != nil {
		x.Request.Reset(x.Request.Peer)
		x.HeadErr = herr
	}
	if options.Handler.Begin(x) {
		x.Body, x.BodyErr = st.body.read(x.MaxBody)
		x.BodyReceived = st.body.received
		options.Handler.Serve(x)
	}
}

// smallBody is the size in bytes up to which the server reads the body of a rejected
// request. For larger ones, net/http tells the client to stop sending, which some
// clients treat as an error.
const smallBody = 16 << 10

// drainBody reads a small body that the handler has not asked for.
func (st *stream) drainBody() {
	if st.body.length > 0 && st.body.length <= smallBody && !st.Request.BadExpectation {
		_, _ = st.body.read(smallBody)
	}
}
