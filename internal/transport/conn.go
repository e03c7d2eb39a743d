package transport

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"statsd-http-proxy/internal/deadline"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
)

// conn is a connection. It speaks HTTP/1, unless its TLS handshake chooses HTTP/2; then
// http2.Server serves it.
//
// All fields but state belong to the goroutine that serves the connection.
type conn struct {
	net.Conn          // requests are read from it; startTLS changes it
	raw      net.Conn // the same, or the connection under its TLS
	peer     netip.Addr
	remote   net.Addr // with the port of peer
	server   *Server

	state atomic.Int32
	stats *exchange.StatsShard

	in            input
	read, written deadline.Deadline
	isHTTP2       bool // the handshake has chosen it
	hasBegun      bool // a request of HTTP/1 has begun
	lingers       bool // the connection closes while the client may still be sending

	rejection *exchange.HTTPError // the answer to all requests; nil for none

	// The current request.
	x              *exchange.Exchange
	began          time.Duration // when its first byte was read, see Server.elapsed
	ended          time.Duration // when the response before it was written, or c was ready for the first one
	body           body
	hasReadTimeout bool // the read timeout is running
	awaitsEndCheck bool // the read deadline is that of endCheck
	hasResponded   bool // the response may be written in part
}

// The states of a conn. Any goroutine may change stateIdle to stateClosed, the one
// that serves the connection does all other changes.
const (
	stateIdle      int32 = iota // no byte of the next request has arrived, or none of the TLS handshake
	stateHandshake              // the TLS handshake has begun, or waits for its turn
	stateActive                 // a request has begun and is not answered, or it speaks HTTP/2
	stateClosed                 // it was closed while it was idle
)

var errNotHTTP = errors.New("the client does not speak HTTP")

// serve serves the requests of c until it ends. A panic ends the connection alone.
func (c *conn) serve() {
	defer c.close()
	defer c.recoverPanic()
	if c.server.options.ProxyProtocol.Contains(c.peer) && !c.readProxyHeader() {
		return
	}
	if c.server.tls != nil && !c.startTLS() {
		return
	}
	if c.isHTTP2 {
		c.serveHTTP2(c.firstTimeout())
		return
	}
	c.ended = c.server.elapsed()
	for timeout := c.firstTimeout(); c.await(timeout) == nil; timeout = c.server.options.IdleTimeout {
		if !c.hasBegun && c.beginsHTTP2() { // without TLS
			c.serveHTTP2(c.server.options.ReadTimeout)
			return
		}
		if !c.serveRequest() {
			return
		}
	}
}

// await waits for the first byte of a request, for timeout and not much longer, and
// during a shutdown no longer than the idle grace. While it waits, serveArrived serves
// requests. If it has left one to be completed, c.x is set.
func (c *conn) await(timeout time.Duration) error {
	c.began = c.ended
	for hasWaited := false; ; hasWaited = true {
		// RFC 9112, section 2.2: ignore empty lines before a request.
		for bytes.HasPrefix(c.in.bytes(), []byte("\r\n")) {
			c.in.skip(len("\r\n"))
		}
		if b := c.in.bytes(); len(b) > 1 || len(b) == 1 && b[0] != '\r' {
			if b[0] == recordHandshake {
				return errNotHTTP // a client that speaks TLS would not understand a response
			}
			break
		}
		if hasWaited {
			c.startReadTimeout()
		} else if err := c.startIdleTimeout(timeout); err != nil {
			return err
		}
		if err := c.fill(); err != nil {
			return err
		}
		if c.x != nil {
			return nil
		}
		if !hasWaited && c.in.serve == nil {
			c.began = c.server.elapsed()
		}
	}
	if !c.state.CompareAndSwap(stateIdle, stateActive) {
		return net.ErrClosed
	}
	return nil
}

// serveRequest answers the request that has begun and reports whether the connection
// can be used for another one.
func (c *conn) serveRequest() (keepAlive bool) {
	if c.x != nil {
		return c.complete() // serveArrived has handled it
	}
	x := exchange.Acquire(c.peer)
	c.begin(x)
	if herr := c.readHead(); herr != nil {
		if herr == http1.NotHTTP {
			c.end()
			return false
		}
		if herr != exchange.UnknownCoding { // which is the error of a complete head
			x.Request.Reject(bytes.HasPrefix(c.in.bytes(), []byte("HEAD ")))
		}
		x.HeadErr, c.body.state = herr, bodyBroken
	}
	c.handle()
	return c.complete()
}

// begin makes x the current request.
func (c *conn) begin(x *exchange.Exchange) {
	c.stats.AddActive(1)
	c.hasBegun = true
	c.x, c.body, c.hasResponded = x, body{}, false
}

// handle has the handler answer the current request.
func (c *conn) handle() {
	x, handler := c.x, c.server.options.Handler
	if handler.Begin(x) {
		x.Body, x.BodyErr = c.readBody(x.MaxBody)
		handler.Serve(x)
	}
}

// complete writes the response to the current request, ends the request and reports
// whether the connection can be used for another one.
func (c *conn) complete() (keepAlive bool) {
	if c.x.Response.Page != nil {
		c.servePage()
	} else {
		keepAlive = c.finish()
	}
	c.end()
	if keepAlive {
		c.state.Store(stateIdle)
	}
	return keepAlive
}

// end ends the current request.
func (c *conn) end() {
	c.x.Release()
	c.x = nil
	c.hasReadTimeout = false // the next request, which may have begun, has its own
	c.stats.AddActive(-1)
}

// readHead reads the head of the request that has begun.
func (c *conn) readHead() *exchange.HTTPError {
	var parser http1.HeadParser
	for {
		length, herr := parser.Parse(c.in.bytes(), &c.x.Request)
		switch {
		case herr == http1.NotHTTP:
			return herr
		case c.rejection != nil && (length > 0 || herr != nil):
			return c.rejection
		case herr != nil:
			return herr
		case length > 0:
			c.adoptRequest(length)
			return nil
		}
		c.startReadTimeout()
		if err := c.in.fillMore(); err != nil {
			return readError(err, http1.HeadTooShort)
		}
	}
}

// adoptRequest takes the request with a head of that length from the input. The head
// stays in the input's buffer unless more has to be received for the body, which could
// move or overwrite it.
func (c *conn) adoptRequest(length int) {
	x, q := c.x, &c.x.Request
	if arrived := len(c.in.bytes()) - length; q.BodyLength == exchange.Chunked || q.BodyLength > arrived {
		x.HeadBuffer = append(x.HeadBuffer[:0], q.Head...)
		q.Head = x.HeadBuffer
	}
	c.in.skip(length)
	if q.BodyLength == 0 {
		c.body.state = bodyRead
	}
}

// finish completes a request that has its response, and reports whether the connection
// can be used for another one.
func (c *conn) finish() (keepAlive bool) {
	next := c.afterwards()
	if next == fateDrain {
		_, _ = c.readBody(smallBody) // afterwards sees how it ended
		next = c.afterwards()
	}
	c.body.buffer.Release(c.server.bodies)
	c.lingers = next == fateLinger
	keepAlive = next == fateKeepAlive
	exchange.Delay(c.server.stopping, c.x.Response.Delay)
	return c.respond(keepAlive) == nil && keepAlive
}

// respond writes the response.
func (c *conn) respond(keepAlive bool) error {
	c.hasResponded = true
	x, now := c.x, c.began
	if !c.in.isServing { // otherwise the request began just now
		now = c.server.elapsed()
	}
	x.Output = http1.AppendResponse(x.Output[:0], &x.Request, &x.Response, c.server.dateAt(now), keepAlive, c.server.idleTimeout)
	c.stats.CountRequest(x.Route, x.Response.Status, x.BodyReceived)
	err := c.write(x.Output, now)
	c.observeDuration()
	return err
}

// observeDuration counts the duration of the current request, whose response was
// written.
func (c *conn) observeDuration() {
	c.ended = c.server.elapsed()
	c.stats.ObserveDuration(c.ended - c.began)
}

// write writes text within the write timeout. now is the current time, see
// Server.elapsed.
func (c *conn) write(text []byte, now time.Duration) error {
	n := c.in.tryWrite(text)
	if n == len(text) {
		return nil
	}
	if err := c.written.Extend(c.server.started.Add(now), c.server.options.WriteTimeout, c.SetWriteDeadline); err != nil {
		return err
	}
	_, err := c.Write(text[n:])
	return err
}

// recoverPanic logs a panic and answers the current request with a 500, unless its
// response may have begun. It has to be deferred.
func (c *conn) recoverPanic() {
	fault := recover()
	if fault == nil {
		return
	}
	c.in.isServing = false
	c.server.logPanic(fault)
	if c.x == nil {
		return
	}
	c.stats.AddActive(-1)
	if !c.hasResponded {
		c.lingers = c.body.state != bodyRead
		c.x.Response.SetError(exchange.InternalError)
		_ = c.respond(false) // the connection closes anyway
	}
}

// logPanic counts and logs a panic. Call it where the panic was recovered.
func (s *Server) logPanic(fault any) {
	s.stats.panics.Add(1)
	exchange.LogPanic(s.log, fault)
}
