package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// lingerTime is how long a connection that is closed with a request unread
// goes on reading it, so that the client gets to see the answer. (Closing at
// once would reset the connection and could take the answer back, see RFC
// 9112, section 9.6.)
const lingerTime = time.Second

// restTime is how long an idle connection keeps the library's buffers, which
// spares those that send one request after another the taking and giving back.
const restTime = 10 * time.Millisecond

// conn is a connection. It stands between the network and the library, and
// decides by itself where a request ends: the library gets to read the head of
// one request when all of it has arrived and is well-formed, and nothing else.
// The handler reads the body, see message. So no byte behind a request that was
// refused is ever looked at, whatever the library makes of its framing.
//
// All but state belongs to the goroutine that serves the connection.
type conn struct {
	net.Conn          // what requests are read from
	raw      net.Conn // the same, or what lies under its TLS
	peer     netip.Addr
	server   *Server

	state atomic.Int32

	in     input
	head   int      // bytes of the head that the library has yet to read
	given  bool     // it has read it
	fault  *refusal // what is wrong with the head, nil for nothing
	body   message
	late   bool // the request began while the server was draining
	timed  bool // its time is running
	rests  bool // the library was made to let go of the connection, which goes on
	linger bool // closed with a request unread
}

// The states of a conn.
const (
	idle   = iota // no byte of the next request has arrived
	busy          // a request has begun and is not answered
	closed        // while it was idle
)

// serve answers the requests of c to its end. The library has it, as outer, no
// longer than it keeps sending requests: its memory is not for those that wait.
func (c *conn) serve(outer net.Conn) {
	defer c.end()
	options := &c.server.options
	if secure, ok := c.Conn.(*tls.Conn); ok {
		if c.raw.SetDeadline(time.Now().Add(options.ReadTimeout)) != nil || secure.Handshake() != nil {
			return
		}
	}
	for limit := options.ReadTimeout; c.await(limit) == nil; limit = options.IdleTimeout - restTime {
		for !c.readHead() {
			c.startTime()
			if err := c.in.fill(); err != nil {
				c.head, c.fault = 1, refuseCut(err, headTooShort)
				break
			}
		}
		c.rests = false
		_ = c.server.http.ServeConn(outer) // what is wrong with a request is its sender's matter
		if !c.rests {
			return
		}
	}
}

// Read gives the library the head of a request. What is wrong with a head is
// told after one byte of it: an error without any is taken for the end of an
// idle connection, and gets no answer.
func (c *conn) Read(p []byte) (int, error) {
	if c.head == 0 && c.fault == nil && !c.given {
		wait := min(restTime, c.server.options.IdleTimeout)
		if err := c.await(wait); err != nil {
			c.rests = errors.Is(err, os.ErrDeadlineExceeded) && wait == restTime
			return 0, io.EOF
		}
		if !c.readHead() {
			c.rests = true
			return 0, io.EOF
		}
	}
	switch {
	case c.given: // the library holds that the head goes on
		return 0, &headError{unreadable}
	case c.fault == nil:
		n := copy(p, c.in.bytes()[:c.head])
		c.in.skip(n)
		c.head -= n
		c.given = c.head == 0
		return n, nil
	case c.head > 0:
		c.head = 0
		return copy(p, "?"), nil
	default:
		return 0, &headError{c.fault}
	}
}

// headError takes the verdict on a head through the library.
type headError struct{ *refusal }

func (e *headError) Error() string { return e.message }

// errSpent ends a connection whose last request was not read to its end.
var errSpent = errors.New("a request was left unread")

// await waits until a request begins, for limit at most.
func (c *conn) await(limit time.Duration) error {
	if c.state.Load() == busy {
		if !c.body.isOver() {
			return errSpent
		}
		return nil
	}
	for hasWaited := false; ; hasWaited = true {
		// RFC 9112, section 2.2: empty lines before a request are passed over.
		for bytes.HasPrefix(c.in.bytes(), crlf) {
			c.in.skip(len(crlf))
		}
		if b := c.in.bytes(); len(b) > 1 || len(b) == 1 && b[0] != crlf[0] {
			break
		}
		if hasWaited {
			c.startTime()
		} else if !c.timed {
			if err := c.Conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
				return err
			}
		}
		if err := c.in.fill(); err != nil {
			return err
		}
	}
	if !c.state.CompareAndSwap(idle, busy) {
		return net.ErrClosed
	}
	c.late = c.server.draining.Load()
	c.body = message{}
	return nil
}

var crlf = []byte("\r\n")

// readHead tells whether the head of the request that has begun is there, or
// enough of it to see that it is wrong.
func (c *conn) readHead() bool {
	b := c.in.bytes()
	c.body.framing = framing{}
	c.head, c.fault = parseHead(b, &c.body.framing)
	if c.head == 0 && c.fault == nil && len(b) == maxHead {
		c.fault = headTooLong
		if bytes.IndexByte(b, '\n') < 0 {
			c.fault = lineTooLong
		}
	}
	switch {
	case c.fault != nil:
		c.head = 1
	case c.head == 0:
		c.body.framing = framing{} // not what half a head says
	}
	return c.head > 0
}

// refuseCut is the answer to a request that has not arrived to its end, where
// short is that to one that has broken off.
func refuseCut(err error, short *refusal) *refusal {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return tooSlow
	}
	return short
}

// startTime gives the rest of a request, from its first byte on, its time.
func (c *conn) startTime() {
	if !c.timed {
		c.timed = true
		_ = c.Conn.SetReadDeadline(time.Now().Add(c.server.options.ReadTimeout)) // an error shows when it is read from
	}
}

// SetReadDeadline does nothing for the library, which knows of a request only
// when it has been received.
func (c *conn) SetReadDeadline(time.Time) error { return nil }

// Close does nothing for the library: serve closes the connection.
func (c *conn) Close() error { return nil }

// next makes c wait for another request, or close if there shall be none.
func (c *conn) next() {
	if !c.body.isOver() {
		return // see await
	}
	c.given, c.timed = false, false
	if c.state.CompareAndSwap(busy, idle) && c.server.draining.Load() {
		c.closeIdle()
	}
}

// closeIdle closes a connection on which no request has begun. Any goroutine
// may call it.
func (c *conn) closeIdle() {
	if c.state.CompareAndSwap(idle, closed) {
		_ = c.Conn.Close()
	}
}

// end closes the connection.
func (c *conn) end() {
	if c.linger {
		c.drain()
	}
	_ = c.Conn.Close()
	c.in.release()
	c.server.forget(c)
}

// drain tells the client that the answer is complete and reads what it is
// still sending, until it ends or lingerTime is over.
func (c *conn) drain() {
	if secure, ok := c.Conn.(*tls.Conn); ok {
		_ = secure.CloseWrite()
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.raw.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.Copy(io.Discard, c.raw)
	}
}

// tlsConn is a conn that fasthttp recognises as TLS by its methods.
type tlsConn struct {
	conn
	secure *tls.Conn
}

func (c *tlsConn) Handshake() error                     { return c.secure.Handshake() }
func (c *tlsConn) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// connOf returns the conn of a connection that a listener accepted, nil for
// another one.
func connOf(c net.Conn) *conn {
	switch c := c.(type) {
	case *conn:
		return c
	case *tlsConn:
		return &c.conn
	}
	return nil
}

// connState is called when a request of a connection was answered, and at other
// times.
func connState(c net.Conn, state fasthttp.ConnState) {
	if state == fasthttp.StateIdle {
		connOf(c).next()
	}
}
