package transport

import (
	"errors"
	"os"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
)

// A connection is busy while its requests follow each other within busyGap. If no request
// has come for endCheck then, it looks whether the client has ended the connection.
//
// A client may send the end of the connection in the segment of a request. The poller does
// not report that end afterwards, so the read has to look for it, which costs 1 % of a
// request. Few clients end a busy connection that way.
const (
	busyGap  = 100 * time.Millisecond
	endCheck = time.Second
)

var errEnded = errors.New("the connection ends with the last response")

// serveArrived serves the requests that have arrived as a whole, without waiting for the
// client. It reports whether c is idle again and nothing is left in the input. Then the
// wait of await goes on; otherwise await returns.
func (c *conn) serveArrived() (goesOn bool) {
	mayHaveEnded := c.in.isBusy // the read did not look
	c.began = c.server.elapsed()
	c.in.isBusy = c.hasBegun && c.began-c.ended < busyGap
	for ; c.takeRequest(); c.began = c.ended {
		c.handle()
		if c.x.Response.Page != nil || c.x.Response.Delay > 0 {
			return false // to complete it takes time
		}
		if !c.complete() {
			c.in.err = errEnded
			return false
		}
		if len(c.in.bytes()) == 0 {
			timeout := c.server.options.IdleTimeout
			if mayHaveEnded {
				timeout = min(timeout, endCheck)
			}
			c.in.err = c.startIdleTimeout(timeout)
			c.awaitsEndCheck = mayHaveEnded
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

// fill is in.fill for the first bytes of a request. On a busy connection, it looks for the
// end of the connection after endCheck.
func (c *conn) fill() error {
	for {
		err := c.in.fill()
		if !c.awaitsEndCheck || !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
		c.in.isBusy = false // in.fill looks now
		if err := c.startIdleTimeout(c.server.options.IdleTimeout); err != nil {
			return err
		}
	}
}
