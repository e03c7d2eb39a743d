package http2

import (
	"errors"
	"io"
	"os"

	"statsd-http-proxy/internal/exchange"
)

// body reads the body of a stream.
type body struct {
	budget *exchange.BodyBudget
	source io.Reader
	length int // bytes, or exchange.Chunked
	isRead bool
	buffer exchange.BodyBuffer

	received int // bytes that have arrived
}

// freeBytes is the maximum size of a body that does not count against the budget: its
// stream takes more memory than the body.
const freeBytes = 4 << 10

// read reads a body of at most limit bytes. Its memory grows as the body arrives: a
// declared length reserves no memory. The body is valid until the buffer is
// released.
func (b *body) read(limit int) ([]byte, *exchange.HTTPError) {
	if b.length == 0 || b.isRead {
		return nil, nil
	}
	if b.length > limit {
		return nil, exchange.BodyTooLarge(limit)
	}
	room := freeBytes
	if b.length != exchange.Chunked {
		room = min(b.length+1, freeBytes) // one more byte to see the end
	}
	dst := b.buffer.Grow(nil, room)
	for {
		if len(dst) == room {
			room = min(2*room, limit+1)
			if herr := b.buffer.Reserve(b.budget, room); herr != nil {
				return nil, herr
			}
			dst = b.buffer.Grow(dst, room)
		}
		n, err := b.source.Read(dst[len(dst):room])
		dst = dst[:len(dst)+n]
		b.received = len(dst)
		switch {
		case len(dst) > limit:
			return nil, exchange.BodyTooLarge(limit)
		case err == io.EOF:
			b.isRead = true
			return dst, nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, exchange.TooSlow
		case err != nil:
			return nil, exchange.BodyTooShort
		}
	}
}
