package http2

import (
	"net/http"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// begin passes the head of a request to the handler. isViolation says that the stream is
// reset after the response.
func (c *conn) begin(st *stream, herr *exchange.HTTPError, isViolation bool) error {
	x := st.x
	st.isHead = x.Request.IsMethod(http.MethodHead)
	st.body.length = x.Request.BodyLength
	if isViolation {
		st.resetCode = http2.ErrCodeProtocol
	}
	if herr != nil {
		x.Request.Reject(st.isHead)
		x.HeadErr = herr
	}
	wantsBody := c.callBegin(st)
	switch {
	case !wantsBody:
		c.finish(st)
	case st.hasEnded:
		st.state = streamBody
		return c.endBody(st)
	default:
		if herr := c.keepHead(st); herr != nil {
			c.serveStream(st, herr)
			break
		}
		st.state = streamBody
		st.deadline = c.now.Add(c.server.options.ReadTimeout)
		if x.Request.WantsContinue {
			c.writeContinue(st.id)
		}
	}
	return c.limitOutput()
}

// callBegin calls the handler's Begin. A panic is answered with a 500.
func (c *conn) callBegin(st *stream) (wantsBody bool) {
	defer c.recoverPanic(st)
	return c.server.options.Handler.Begin(st.x)
}

// callServe calls the handler's Serve. A panic is answered with a 500.
func (c *conn) callServe(st *stream) {
	defer c.recoverPanic(st)
	c.server.options.Handler.Serve(st.x)
}

// recoverPanic has to be deferred.
func (c *conn) recoverPanic(st *stream) {
	if fault := recover(); fault != nil {
		c.server.options.LogPanic(fault)
		st.x.Response.SetError(exchange.InternalError)
	}
}

// serveStream has the handler answer a request with its body, or with why that could not be
// read.
func (c *conn) serveStream(st *stream, herr *exchange.HTTPError) {
	x := st.x
	x.BodyReceived = st.body.received
	if herr != nil {
		x.Body, x.BodyErr = nil, herr
	}
	st.state = streamDiscard
	c.callServe(st)
	x.Body = nil
	c.finish(st)
}

// finish completes a request that has its response.
func (c *conn) finish(st *stream) {
	st.body.buffer.Release(c.server.options.Bodies)
	response := &st.x.Response
	switch {
	case response.Page != nil:
		c.startPage(st)
	case response.Delay > 0 && !c.server.options.Draining.Load() && c.keepHead(st) == nil:
		st.state, st.deadline = streamDelayed, c.now.Add(response.Delay)
	default:
		c.respond(st)
	}
}

// count counts a request that is answered.
func (c *conn) count(st *stream) {
	c.Stats.CountRequest(st.x.Route, st.x.Response.Status, st.body.received)
	if st.began.Equal(c.now) {
		c.unobserved++ // its duration is known when the output is written
		return
	}
	c.Stats.ObserveDuration(c.now.Sub(st.began))
}
