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

	// For TLS.
	tcp       syscall.RawConn // the connection under TLS; nil without TLS
	records   *recordConn     // the same; nil if it has no descriptor
	isDrained bool            // TLS has nothing that source has not returned

	// serve serves the requests that have arrived as a whole. It is called within the wait
	// for the first byte of a request, and reports whether the wait goes on: then nothing is
	// left. It must not wait for the client or close the connection. nil for none.
	serve     func() (goesOn bool)
	isServing bool    // serve runs
	fd        uintptr // the descriptor of ready while serve runs

	isUnfinished bool // fillMore waits for the rest of a request
	isBusy       bool // requests follow each other fast, so that receive does not look for the end of the connection

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
// to be room: bytes may return fewer than exchange.MaxHead bytes. If serve is set, it is
// called for the bytes, which may be none then.
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
	if in.records != nil {
		return in.fillFromTLS()
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

// fillFromTLS is fill for a TLS connection. It waits outside of source.
func (in *input) fillFromTLS() error {
	for {
		if !in.isDrained || len(in.records.pending) > 0 {
			in.acquireBuffer()
			room := in.buffer[in.w:]
			in.records.neverWaits = true
			n, err := in.source.Read(room)
			in.records.neverWaits = false
			in.isDrained = n < len(room) && (err == nil || err == errNotArrived)
			in.w += n
			if n > 0 {
				return nil
			}
			if err != errNotArrived {
				return err
			}
		}
		if in.isUnfinished {
			in.acknowledge()
		}
		in.releaseBuffer()
		err := in.records.wait()
		if in.saved != nil {
			in.acquireBuffer()
		}
		if err != nil {
			return err
		}
	}
}

// fillMore is fill for the rest of a request that has begun. The client may wait for an
// acknowledgement before it sends the rest (Nagle's algorithm), and the kernel may wait
// 40 ms for a response that carries the acknowledgement. So fillMore has the kernel
// acknowledge at once what has arrived. Requests that arrive as a whole never get here.
func (in *input) fillMore() error {
	in.isUnfinished = true
	err := in.fill()
	in.isUnfinished = false
	return err
}

// acknowledge has the kernel acknowledge at once what has arrived on the connection
// under TLS.
func (in *input) acknowledge() {
	if in.tcp != nil {
		_ = in.tcp.Control(acknowledge) // an error means that the connection is closed
	}
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
