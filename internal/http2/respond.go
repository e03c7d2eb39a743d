package http2

import (
	"net/http"

	"golang.org/x/net/http2"
)

// isFirstHead reports whether no head was sent on c, and remembers that one is.
func (c *conn) isFirstHead() bool {
	isFirst := !c.hasSentHead
	c.hasSentHead = true
	return isFirst
}

// respond queues the response of a stream, as far as the windows of the client allow.
func (c *conn) respond(st *stream) {
	r := &st.x.Response
	c.count(st)
	if st.resetCode == http2.ErrCodeNo {
		c.give(gainResponse)
	}
	st.state = streamDiscard
	body := r.Body
	if st.isHead || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified {
		body = nil
	}
	st.holdsEnd = !st.hasEnded && !st.wasSlow && !st.x.Request.WantsContinue
	o := c.startOutput()
	o.encoder.encode(c.isFirstHead(), r, len(r.Body), c.server.options.Dates, c.now)
	c.writeHead(st.id, o.encoder.block, len(body) == 0 && !st.holdsEnd)
	rest := c.writeData(st, body, !st.holdsEnd)
	if len(rest) > 0 && !c.keepPending(st, rest) {
		c.resetStream(st.id, http2.ErrCodeEnhanceYourCalm)
		return
	}
	c.releaseExchange(st)
	if len(rest) > 0 {
		st.state, st.deadline = streamBlocked, c.now.Add(c.server.options.WriteTimeout)
		return
	}
	c.afterResponse(st)
}

// writeHead queues a header block.
func (c *conn) writeHead(id uint32, block []byte, endsStream bool) {
	framer := c.startOutput().framer
	first := block[:min(len(block), c.sendFrame)]
	rest := block[len(first):]
	// Writes to memory do not fail.
	_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: endsStream, EndHeaders: len(rest) == 0})
	for len(rest) > 0 {
		part := rest[:min(len(rest), c.sendFrame)]
		rest = rest[len(part):]
		_ = framer.WriteContinuation(id, len(rest) == 0, part)
	}
}

// writeData queues data as far as the windows allow, and returns the rest. endsStream says
// that the stream ends with data.
func (c *conn) writeData(st *stream, data []byte, endsStream bool) (rest []byte) {
	for len(data) > 0 {
		n := int(min(int64(len(data)), int64(c.sendFrame), st.send, c.send))
		if n <= 0 {
			return data
		}
		_ = c.startOutput().framer.WriteData(st.id, endsStream && n == len(data), data[:n]) // to memory
		st.send -= int64(n)
		c.send -= int64(n)
		c.give(gainData)
		data = data[n:]
	}
	return nil
}

// keepPending keeps the rest of a response, unless the limits do not allow it.
func (c *conn) keepPending(st *stream, rest []byte) bool {
	if c.pending+len(rest) > maxPending {
		return false
	}
	memory := st.body.small[:0]
	if len(rest) > cap(memory) {
		if st.body.buffer.Reserve(c.server.options.Bodies, len(rest)) != nil {
			return false
		}
		memory = st.body.buffer.Grow(nil, len(rest))
	}
	st.pending = append(memory, rest...)
	c.pending += len(rest)
	return true
}

// releasePending ends that a stream has a pending response.
func (c *conn) releasePending(st *stream) {
	c.pending -= len(st.pending)
	st.pending = nil
}

// afterResponse ends a stream whose response was queued, or waits for the end of its
// body.
func (c *conn) afterResponse(st *stream) {
	if st.hasEnded {
		c.end(st)
		return
	}
	if st.wasSlow {
		c.resetStream(st.id, st.resetCode)
		return
	}
	st.state, st.endsAt = streamDiscard, c.now.Add(discardTime)
	c.extendDiscard(st)
}

// extendDiscard waits for more of a body that nobody needs.
func (c *conn) extendDiscard(st *stream) {
	st.deadline = st.endsAt
	if pause := c.now.Add(maxPause); st.holdsEnd && pause.Before(st.endsAt) {
		st.deadline = pause
	}
}

// endResponse sends the END_STREAM of a response that came before the end of the request's
// body. It is sent when the client has sent the body, or has paused. Some clients, such as
// http2-wrapper of Node.js, forget the response if it ends while they send. Others, such as
// Go's, send no more after they have read the status, and wait for the end.
func (c *conn) endResponse(st *stream) {
	if st.holdsEnd {
		st.holdsEnd = false
		_ = c.startOutput().framer.WriteData(st.id, true, nil) // to memory
	}
}

// stopDiscard ends a stream whose body is too long, or takes too long, to be discarded. Without
// an error, a reset means that the response is whole (RFC 9113, section 8.1).
func (c *conn) stopDiscard(st *stream) {
	code := st.resetCode
	switch {
	case code != http2.ErrCodeNo:
	case st.state == streamDiscard:
		c.endResponse(st)
	default:
		code = http2.ErrCodeCancel
	}
	c.resetStream(st.id, code)
}

// unblock sends what the windows of the client allow, the oldest stream first.
func (c *conn) unblock() {
	for c.send > 0 {
		var oldest *stream
		for _, st := range c.streams {
			if st.state == streamPage {
				st.page.unblock()
			}
			if st.state == streamBlocked && st.send > 0 && (oldest == nil || st.id < oldest.id) {
				oldest = st
			}
		}
		if oldest == nil {
			return
		}
		c.unblockStream(oldest)
	}
}

// unblockStream sends what the windows allow of a response.
func (c *conn) unblockStream(st *stream) {
	switch st.state {
	case streamPage:
		st.page.unblock()
	case streamBlocked:
		rest := c.writeData(st, st.pending, !st.holdsEnd)
		c.pending -= len(st.pending) - len(rest)
		if st.pending = rest; len(rest) > 0 {
			return // the deadline is that of the whole response
		}
		st.body.buffer.Release(c.server.options.Bodies)
		c.afterResponse(st)
	}
}
