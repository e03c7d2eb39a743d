package transport

import (
	"io"
	"sync"
	"syscall"

	"statsd-http-proxy/internal/exchange"
)

// input buffers what a connection receives. While it waits for more it holds no more
// memory than the bytes that nobody has read yet, so that idle and slow connections
// cost next to nothing.
//
// Its methods belong to the goroutine that serves the connection.
type input struct {
	source io.Reader
	ready  syscall.RawConn       // waits until source can be read; nil if source cannot
	try    func(fd uintptr) bool // tryRead, kept because each method value costs an allocation

	buffer *[exchange.MaxHead]byte // nil while it holds nothing
	r, w   int                     // buffer[r:w] was received and not skipped
	saved  []byte                  // the same bytes while there is no buffer

	err error // the result of the last tryRead
}

var buffers = sync.Pool{New: func() any { return new([exchange.MaxHead]byte) }}

// bytes returns the bytes that were received and not skipped. They are valid until the next
// call of fill or release.
func (in *input) bytes() []byte {
	if in.buffer == nil {
		return nil
	}
	return in.buffer[in.r:in.w]
}

// skip drops the first n of these bytes.
func (in *input) skip(n int) { in.r += n }

// fill waits for more bytes and appends what has arrived, at least one byte. There has
// to be room: bytes may return fewer than exchange.MaxHead bytes.
func (in *input) fill() error {
	if in.ready != nil {
		err := in.ready.Read(in.try)
		if err == nil {
			return in.err
		}
		if in.saved != nil {
			in.acquireBuffer()
		}
		return err
	}
	if in.r == in.w {
		// The wait for the first byte may be long: hold one byte meanwhile.
		in.release()
		var first [1]byte
		n, err := in.source.Read(first[:])
		if n == 0 {
			return err
		}
		in.acquireBuffer()
		in.buffer[0], in.w = first[0], 1
		return nil
	}
	in.acquireBuffer()
	n, err := in.source.Read(in.buffer[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	return err
}

// releaseBuffer saves the bytes that are in the buffer and gives the buffer back.
func (in *input) releaseBuffer() {
	if in.r < in.w {
		in.saved = append([]byte(nil), in.bytes()...)
	}
	in.release()
}

// acquireBuffer makes sure that there is a buffer with room after the bytes in it.
func (in *input) acquireBuffer() {
	switch {
	case in.buffer == nil:
		in.buffer = buffers.Get().(*[exchange.MaxHead]byte)
		in.r, in.w = 0, copy(in.buffer[:], in.saved)
		in.saved = nil
	case in.r > 0:
		in.r, in.w = 0, copy(in.buffer[:], in.bytes())
	}
}

// release gives the buffer back and drops the bytes in it.
func (in *input) release() {
	if in.buffer != nil {
		buffers.Put(in.buffer)
		in.buffer = nil
	}
	in.r, in.w = 0, 0
}
