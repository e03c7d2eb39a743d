package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"time"

	"statsd-http-proxy/internal/exchange"
)

// lingerTimeout is how long a connection is read after its last response if the client
// may still be sending. Closing at once would reset the connection, and the client
// could lose the response (RFC 9112, section 9.6).
const lingerTimeout = time.Second

// startReadTimeout starts the read timeout of a request unless it is running.
func (c *conn) startReadTimeout() {
	if !c.hasReadTimeout {
		c.hasReadTimeout, c.awaitsEndCheck = true, false
		_ = c.read.Set(time.Now().Add(c.server.options.ReadTimeout), c.SetReadDeadline) // an error shows in the next read
	}
}

// startIdleTimeout starts the timeout of the wait for a request. It is less during a
// shutdown.
func (c *conn) startIdleTimeout(timeout time.Duration) error {
	c.hasReadTimeout, c.awaitsEndCheck = false, false
	if c.server.draining.Load() {
		timeout = min(timeout, time.Duration(c.server.idleGrace.Load()))
	}
	return c.read.Extend(c.server.started.Add(c.ended), timeout, c.SetReadDeadline)
}

// readError returns the response to a request that did not arrive completely: a 408 if
// its time is over, short if the connection broke off.
func readError(err error, short *exchange.HTTPError) *exchange.HTTPError {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return exchange.TooSlow
	}
	return short
}

// closeIdle closes c if it is idle. Any goroutine may call it.
func (c *conn) closeIdle() {
	if c.state.CompareAndSwap(stateIdle, stateClosed) {
		_ = c.Close()
	}
}

// close closes c and releases all that it holds.
func (c *conn) close() {
	if c.lingers {
		c.closeGracefully()
	}
	_ = c.Close()
	c.in.release()
	c.body.buffer.Release(c.server.bodies)
	c.server.untrack(c)
}

// closeGracefully tells the client that the response is complete, then reads what the
// client is still sending until it stops or lingerTimeout is over.
func (c *conn) closeGracefully() {
	if secure, ok := c.Conn.(*tls.Conn); ok {
		_ = secure.CloseWrite()
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.raw.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
		_, _ = io.Copy(io.Discard, c.raw)
	}
}
