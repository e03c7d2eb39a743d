package transport

import (
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
)

// body is the state of the body of the current request.
type body struct {
	state  bodyState
	buffer exchange.BodyBuffer // for a body that does not fit into the input
}

// bodyState says how much of a body was read.
type bodyState uint8

const (
	bodyUnread bodyState = iota // nothing
	bodyRead                    // all of it, or there is none
	bodyBroken                  // a part, and its end cannot be found any more
)

// readBody reads the body of the current request, at most limit bytes. The body is valid
// until the buffer is released or more is read.
func (c *conn) readBody(limit int) (data []byte, herr *exchange.HTTPError) {
	q := &c.x.Request
	if c.body.state == bodyRead {
		return nil, nil
	}
	if q.BodyLength > limit {
		return nil, exchange.BodyTooLarge(limit)
	}
	if q.WantsContinue && len(c.in.bytes()) == 0 {
		herr = c.sendContinue()
	}
	switch {
	case herr != nil:
	case q.BodyLength == exchange.Chunked:
		data, herr = c.readChunks(limit)
	case q.BodyLength <= exchange.MaxHead:
		data, herr = c.readInPlace(q.BodyLength)
	default:
		data, herr = c.readLarge(q.BodyLength)
	}
	if herr != nil {
		c.body.state = bodyBroken
		return nil, herr
	}
	c.body.state = bodyRead
	return data, nil
}

// sendContinue asks the client to send its body.
func (c *conn) sendContinue() *exchange.HTTPError {
	if err := c.write([]byte(http1.Continue), c.server.elapsed()); err != nil {
		return readError(err, exchange.BodyTooShort)
	}
	return nil
}

// fillBody waits for more of a body.
func (c *conn) fillBody() *exchange.HTTPError {
	c.startReadTimeout()
	if err := c.in.fillMore(); err != nil {
		return readError(err, exchange.BodyTooShort)
	}
	return nil
}

// readInPlace reads a body of n bytes that fits into the input's buffer.
func (c *conn) readInPlace(n int) ([]byte, *exchange.HTTPError) {
	for len(c.in.bytes()) < n {
		if herr := c.fillBody(); herr != nil {
			return nil, herr
		}
	}
	data := c.in.bytes()[:n]
	c.in.skip(n)
	c.x.BodyReceived = n
	return data, nil
}

// readLarge reads a body of n bytes.
func (c *conn) readLarge(n int) (dst []byte, herr *exchange.HTTPError) {
	for len(dst) < n {
		data := c.in.bytes()
		if len(data) == 0 {
			if herr := c.fillBody(); herr != nil {
				return nil, herr
			}
			continue
		}
		data = data[:min(n-len(dst), len(data))]
		if dst, herr = c.appendData(dst, data, n); herr != nil {
			return nil, herr
		}
		c.in.skip(len(data))
	}
	return dst, nil
}

// readChunks reads a body in chunks of at most limit bytes of data.
func (c *conn) readChunks(limit int) (dst []byte, herr *exchange.HTTPError) {
	decoder := http1.NewChunkDecoder(limit)
	for !decoder.IsDone() {
		used, data, herr := decoder.Next(c.in.bytes())
		switch {
		case herr != nil:
			return nil, herr
		case used == 0:
			herr = c.fillBody()
		case len(data) > 0:
			dst, herr = c.appendData(dst, data, limit)
		}
		if herr != nil {
			return nil, herr
		}
		c.in.skip(used)
	}
	return dst, nil
}

// appendData appends data to dst, a body that may grow to limit bytes. It reserves twice
// the memory that dst needs, so that memory grows with what has arrived: a length that
// is only declared takes none.
func (c *conn) appendData(dst, data []byte, limit int) ([]byte, *exchange.HTTPError) {
	buffer := &c.body.buffer
	if need := len(dst) + len(data); need > buffer.Reserved() {
		if herr := buffer.Reserve(c.server.bodies, min(2*need, limit)); herr != nil {
			return nil, herr
		}
		dst = buffer.Grow(dst, need)
	}
	c.x.BodyReceived = len(dst) + len(data)
	return append(dst, data...), nil
}
