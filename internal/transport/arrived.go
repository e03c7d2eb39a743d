package transport

import (
	"errors"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
)

var errEnded = errors.New("the connection ends with the last response")

// serveArrived serves the requests that have arrived as a whole, without waiting for the
// client. It reports whether c is idle again and nothing is left in the input. Then the
// wait of await goes on; otherwise await returns.
func (c *conn) serveArrived() (goesOn bool) {
	for c.began = c.server.elapsed(); c.takeRequest(); c.began = c.ended {
		c.handle()
		if c.x.Response.Page != nil || c.x.Response.Delay > 0 {
			return false // to complete it takes time
		}
		if !c.complete() {
			c.in.err = errEnded
			return false
		}
		if len(c.in.bytes()) == 0 {
			c.in.err = c.startIdleTimeout(c.server.options.IdleTimeout)
			return c.in.err == nil
		}
	}
	return false
}

// takeRequest begins the next request if it has arrived as a whole, and reports whether
// it has.
func (c *conn) takeRequest() bool {
	var parser http1.HeadParser
	x := exchange.Acquire(c.peer)
	length, herr := parser.Parse(c.in.bytes(), &x.Request)
	isWhole := herr == nil && length > 0 && x.Request.BodyLength != exchange.Chunked && x.Request.BodyLength <= len(c.in.bytes())-length
	if !isWhole || !c.state.CompareAndSwap(stateIdle, stateActive) {
		x.Release()
		return false
	}
	c.begin(x)
	c.adoptRequest(length)
	return true
}
