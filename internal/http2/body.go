package http2

import (
	"math/bits"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// Windows that the proxy gives (RFC 9113, section 5.2), in bytes. They bound no memory:
// exchange.BodyBudget does. They are large, so that a client can send a large body at full
// speed.
const (
	defaultWindow = 65535 // before any frame
	maxWindow     = 1<<31 - 1
	streamWindow  = 1 << 20
	connWindow    = 2 << 20
)

// A request that is answered before its body has arrived: many clients see the response
// only when they have sent the body. The proxy reads and drops it, within these limits.
const (
	discardSize = 8 << 20 // bytes
	discardTime = time.Second
	maxPause    = 100 * time.Millisecond // of the client, before its response ends
)

// body is the body of a request, as far as it has arrived.
type body struct {
	length   int // bytes, or exchange.Chunked
	received int // bytes
	data     []byte
	small    []byte              // memory for a body of at most freeBytes
	buffer   exchange.BodyBuffer // for a larger one
}

// freeBytes is the maximum size of a body that does not count against the budget.
const freeBytes = 512

// onData takes a part of a body.
func (c *conn) onData(frame http2.FrameHeader, payload []byte) error {
	id, size := frame.StreamID, int64(frame.Length)
	if c.isIdle(id) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	data, padding, err := cutPadding(frame, payload)
	if err != nil {
		return err
	}
	if padding > len(data) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	data = data[:len(data)-padding]
	if c.receive -= size; c.receive < 0 {
		return http2.ConnectionError(http2.ErrCodeFlowControl)
	}
	if c.receive < connWindow/2 {
		c.writeWindowUpdate(0, connWindow-c.receive)
		c.receive = connWindow
	}
	endsStream := frame.Flags.Has(http2.FlagDataEndStream)
	if len(data) == 0 && !endsStream {
		if err := c.take(costEmptyData); err != nil {
			return err
		}
	}
	st := c.find(id)
	if st == nil || st.hasEnded {
		if c.reset.has(id) {
			if len(data) < tinyData {
				return c.take(costClosed)
			}
			return nil // it was on its way
		}
		return c.fail(id, http2.ErrCodeStreamClosed)
	}
	if st.receive -= size; st.receive < 0 {
		return c.fail(id, http2.ErrCodeFlowControl)
	}
	if st.receive < streamWindow/2 && !endsStream {
		c.writeWindowUpdate(id, streamWindow-st.receive)
		st.receive = streamWindow
	}
	return c.takeData(st, data, endsStream)
}

// takeData takes a part of the body of an open stream.
func (c *conn) takeData(st *stream, data []byte, endsStream bool) error {
	b := &st.body
	b.received += len(data)
	if st.state != streamBody {
		c.Stats.AddBodyBytes(len(data)) // its request is counted
		switch {
		case b.length != exchange.Chunked && (b.received > b.length || endsStream && b.received < b.length): // RFC 9113, section 8.1.1
			return c.fail(st.id, http2.ErrCodeProtocol)
		case endsStream:
			return c.endBody(st)
		case b.received > discardSize:
			c.stopDiscard(st)
		case st.state == streamDiscard:
			c.extendDiscard(st)
		}
		return nil
	}
	st.hasEnded = endsStream
	switch {
	case b.length != exchange.Chunked && b.received > b.length:
		st.resetCode = http2.ErrCodeProtocol
		c.serveStream(st, bodyTooLong)
	case b.received > st.x.MaxBody:
		c.serveStream(st, exchange.BodyTooLarge(st.x.MaxBody))
	case endsStream && b.received == len(data):
		st.body.data = data // without a copy
		return c.endBody(st)
	default:
		if herr := c.append(st, data); herr != nil {
			c.serveStream(st, herr)
		} else if endsStream {
			return c.endBody(st)
		}
	}
	return c.limitOutput()
}

// append copies data to the end of a body. Its memory doubles as the body arrives: a
// declared length reserves none.
func (c *conn) append(st *stream, data []byte) *exchange.HTTPError {
	b := &st.body
	if b.received <= freeBytes {
		if b.small == nil {
			b.small = make([]byte, 0, freeBytes)
		}
		b.data = append(b.small[:len(b.data)], data...)
		return nil
	}
	if reserved := b.buffer.Reserved(); b.received > reserved {
		limit := st.x.MaxBody
		if b.length != exchange.Chunked {
			limit = b.length
		}
		if herr := b.buffer.Reserve(c.server.options.Bodies, min(1<<bits.Len(uint(b.received)), limit)); herr != nil {
			return herr
		}
		if reserved == 0 {
			small := b.data
			b.data = append(b.buffer.Grow(nil, b.received), small...)
		} else {
			b.data = b.buffer.Grow(b.data, b.received)
		}
	}
	b.data = append(b.data, data...)
	return nil
}

// endBody handles the end of a stream as the client sends it.
func (c *conn) endBody(st *stream) error {
	st.hasEnded = true
	switch st.state {
	case streamBody:
		if st.body.length != exchange.Chunked && st.body.received < st.body.length { // RFC 9113, section 8.1.1
			st.resetCode = http2.ErrCodeProtocol
			c.serveStream(st, exchange.BodyTooShort)
			break
		}
		st.x.Body = st.body.data
		c.serveStream(st, nil)
	case streamDiscard:
		c.end(st)
	}
	return c.limitOutput()
}

// end ends a stream whose response was written and whose body has ended.
func (c *conn) end(st *stream) {
	if st.resetCode != http2.ErrCodeNo {
		c.credit.left -= costOwnReset // limitOutput checks it
		c.resetStream(st.id, st.resetCode)
		return
	}
	c.endResponse(st)
	c.remove(st)
}
