package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// lingerTime is how long a connection that is closed with a request unread
// goes on reading it, so that the client gets to see the answer. (Closing at
// once would reset the connection and could take the answer back, see RFC
// 9112, section 9.6.)
const lingerTime = time.Second

// conn is a connection. Unless it speaks HTTP/2, see h2, it decides by itself where
// a request ends, and strictly: no byte behind one that was refused is ever looked
// at.
//
// All but state, streams and hasBegun belongs to the goroutine that serves the
// connection.
type conn struct {
	net.Conn          // what requests are read from
	raw      net.Conn // the same, or what lies under its TLS
	peer     netip.Addr
	server   *Server

	state atomic.Int32

	in     input
	body   message // of the request that is served
	late   bool    // it began while the server was draining
	timed  bool    // its time is running
	linger bool    // closed with a request unread

	streams  sync.RWMutex // held by each request over HTTP/2, and for good when they are over
	hasBegun atomic.Bool  // a request over HTTP/2

	readBy, writeBy time.Time // the deadlines that are set
}

// The states of a conn.
const (
	idle   = iota // no byte of the next request has arrived
	busy          // a request has begun and is not answered
	closed        // while it was idle
)

// serve answers the requests of c to its end.
func (c *conn) serve() {
	defer c.end()
	options := &c.server.options
	if secure, ok := c.Conn.(*tls.Conn); ok {
		if c.raw.SetDeadline(time.Now().Add(options.ReadTimeout)) != nil || secure.Handshake() != nil {
			return
		}
		if secure.ConnectionState().NegotiatedProtocol == "h2" {
			c.serveStreams(secure)
			return
		}
	}
	for limit := options.ReadTimeout; c.await(limit) == nil; limit = options.IdleTimeout {
		if !c.serveRequest() {
			return
		}
		c.timed = false
		if c.state.CompareAndSwap(busy, idle) && c.server.draining.Load() {
			c.closeIdle()
		}
	}
}

// await waits until a request begins, for limit at least and not much longer.
func (c *conn) await(limit time.Duration) error {
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
		} else if err := leave(&c.readBy, time.Now(), limit, c.Conn.SetReadDeadline); err != nil { // writing the last answer may have taken long
			return err
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

// leave moves a deadline so that it leaves limit from now on, and an eighth more
// at most; set sets it. Where it does so already it stays: moving it costs more
// than all else that a small request needs of a connection.
func leave(deadline *time.Time, now time.Time, limit time.Duration, set func(time.Time) error) error {
	most := limit + limit/8
	if left := deadline.Sub(now); limit <= left && left <= most {
		return nil
	}
	*deadline = now.Add(most)
	return set(*deadline)
}

// serveRequest answers the request that has begun and tells whether the
// connection can be used for another one.
func (c *conn) serveRequest() (goesOn bool) {
	w, no := c.readHead()
	defer putWork(w)
	if no != nil {
		c.server.refuseHead(w, c.peer, no)
		c.linger = no != tooSlow // that one had its time
	} else {
		c.server.handle(w)
		if w.response.isPage {
			c.servePage(w)
			return false
		}
		goesOn = c.finish(w)
	}
	return c.respond(w, goesOn) == nil && goesOn
}

// readHead reads the head of the request that has begun into w.request, or
// tells what is wrong with it.
func (c *conn) readHead() (w *work, no *refusal) {
	seen := 0
	for {
		if b := c.in.bytes(); bytes.IndexByte(b[seen:], '\n') >= 0 || len(b) == maxHead {
			w = getWork()
			length, no := parseHead(b, &w.request)
			switch {
			case length > 0:
				c.take(w, length)
				return w, nil
			case no != nil:
				return w, no
			case len(b) == maxHead && bytes.IndexByte(b, '\n') < 0:
				return w, lineTooLong
			case len(b) == maxHead:
				return w, headTooLong
			}
			putWork(w) // nothing but what has arrived is held meanwhile
		}
		seen = len(c.in.bytes())
		c.startTime()
		if err := c.in.fill(); err != nil {
			return getWork(), refuseCut(err, headTooShort)
		}
	}
}

// take makes w.request that of c, whose head has that length. What the head
// holds stays where it was received, unless more has to be received for the
// body.
func (c *conn) take(w *work, length int) {
	b := c.in.bytes()
	q := &w.request
	if q.length == chunked || q.length > len(b)-length {
		w.head = append(w.head[:0], b[:length]...)
		_, _ = parseHead(w.head, q) // as before
	}
	c.in.skip(length)
	c.body.framing = q.framing
	q.peer, q.late, q.body = c.peer, c.late, c
}

// finish reads what is left of a request that was answered, if it is worth it,
// and tells whether the connection can be used for another one.
func (c *conn) finish(w *work) (goesOn bool) {
	isOver := c.skipBody()
	if !isOver {
		c.linger = w.response.status != tooSlow.status // that one had its time
	}
	c.body.memory.letGo(c.server)
	return isOver && !w.request.closes && !c.server.draining.Load()
}

// respond writes the response to the client.
func (c *conn) respond(w *work, goesOn bool) error {
	now := time.Now()
	w.out = appendResponse(w.out[:0], &w.request, &w.response, c.server.dates.at(now), goesOn)
	return c.write(w.out, now)
}

// write writes what the client gets.
func (c *conn) write(text []byte, now time.Time) error {
	if err := leave(&c.writeBy, now, c.server.options.WriteTimeout, c.Conn.SetWriteDeadline); err != nil {
		return err
	}
	_, err := c.Conn.Write(text)
	return err
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
		c.readBy = time.Now().Add(c.server.options.ReadTimeout)
		_ = c.Conn.SetReadDeadline(c.readBy) // an error shows when it is read from
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
