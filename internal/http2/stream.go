package http2

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// stream is an open stream: one request with its response. A slow client can have many,
// so a stream has to stay small.
type stream struct {
	id       uint32
	state    streamState
	hasEnded bool // the client has sent END_STREAM
	isHead   bool // the response has no body
	wasSlow  bool // the client has had its time
	holdsEnd bool // the response lacks its END_STREAM, see endResponse
	began    time.Time
	deadline time.Time // of state; zero for none
	endsAt   time.Time // the end of discardTime

	x        *exchange.Exchange // nil after the response was written
	headSize int                // bytes of its head that count, see keepHead
	body     body

	receive int64  // bytes that the client may send
	send    int64  // bytes that may be sent
	pending []byte // the rest of the response, in streamBlocked

	resetCode http2.ErrCode // for a client that sends on after the response
	page      *page         // in streamPage
}

// streamState says what a stream waits for.
//
//	streamBody ─▶ streamDelayed ─▶ streamBlocked ─▶ streamDiscard
//	     └──────▶ streamPage
//
// A stream skips the states that it does not need.
type streamState uint8

const (
	streamBody    streamState = iota // the rest of the body, for the read timeout
	streamDelayed                    // the end of Response.Delay
	streamBlocked                    // room in the windows of the client, for the write timeout
	streamDiscard                    // the end of a body that nobody needs, see discardTime
	streamPage                       // the end of a page
)

var streams = sync.Pool{New: func() any { return new(stream) }}

// open adds a stream for a request.
func (c *conn) open(id uint32, x *exchange.Exchange, hasEnded bool) *stream {
	st := streams.Get().(*stream)
	*st = stream{
		id: id, x: x, hasEnded: hasEnded, began: c.now, body: body{small: st.body.small[:0]},
		state: streamDiscard, receive: streamWindow, send: c.sendInitial, resetCode: http2.ErrCodeNo,
	}
	c.streams = append(c.streams, st)
	c.setActive(true)
	return st
}

// find returns the open stream with an ID, nil if there is none. Most frames belong to a
// young stream.
func (c *conn) find(id uint32) *stream {
	for i := len(c.streams) - 1; i >= 0; i-- {
		if c.streams[i].id == id {
			return c.streams[i]
		}
	}
	return nil
}

// remove ends a stream.
func (c *conn) remove(st *stream) {
	last := len(c.streams) - 1
	for i := last; i >= 0; i-- {
		if c.streams[i] == st {
			c.streams[i] = c.streams[last]
			break
		}
	}
	c.streams[last] = nil
	c.streams = c.streams[:last]
	if last == 0 {
		c.idleDeadline = c.now.Add(c.server.options.IdleTimeout)
		if cap(c.streams) > maxKeptStreams {
			c.streams = nil
		}
	}
	c.release(st)
	streams.Put(st)
}

// maxKeptStreams is for how many streams an idle connection keeps memory.
const maxKeptStreams = 8

// release gives back the memory of a stream.
func (c *conn) release(st *stream) {
	st.body.buffer.Release(c.server.options.Bodies)
	if st.x != nil {
		c.releaseExchange(st)
	}
	if st.pending != nil {
		c.releasePending(st)
	}
	st.page = nil
}

// abort ends a stream without a response: the client has reset it or is gone.
func (c *conn) abort(st *stream) {
	switch st.state {
	case streamBody: // Serve has to follow Begin
		st.x.BodyErr, st.x.BodyReceived = exchange.BodyTooShort, st.body.received
		c.callServe(st)
		c.count(st)
	case streamDelayed:
		c.count(st)
	case streamPage:
		st.page.end()
	}
	c.remove(st)
}

// resetStream ends a stream, which may be closed, with RST_STREAM.
func (c *conn) resetStream(id uint32, code http2.ErrCode) {
	_ = c.startOutput().framer.WriteRSTStream(id, code) // to memory
	c.reset.add(id)
	if st := c.find(id); st != nil {
		c.abort(st)
	}
}

// resetRing holds the IDs of the streams that were reset last. The client may have sent
// frames on them before it learns of it (RFC 9113, section 5.4.2).
type resetRing struct {
	ids  []uint32 // as many as may be open
	next int
}

func (r *resetRing) add(id uint32) {
	if len(r.ids) < maxStreams {
		r.ids = append(r.ids, id)
		return
	}
	r.ids[r.next] = id
	r.next = (r.next + 1) % maxStreams
}

func (r *resetRing) has(id uint32) bool { return slices.Contains(r.ids, id) }
