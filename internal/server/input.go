package server

import (
	"io"
	"sync"
	"syscall"
)

// input buffers what a connection receives. While it waits for more it holds
// no more memory than what it has yet to give out, so that idle and slow
// connections cost next to nothing.
//
// Its methods belong to the goroutine that serves the connection.
type input struct {
	source io.Reader
	ready  syscall.RawConn       // tells when source can be read from, nil where nothing does
	try    func(fd uintptr) bool // tryRead, kept since each method value costs an allocation

	buffer *[maxHead]byte // nil while there is nothing in it
	r, w   int            // what was received and not given out is buffer[r:w]
	parked []byte         // the same, while it waits

	err error // why the last tryRead brought nothing
}

var buffers = sync.Pool{New: func() any { return new([maxHead]byte) }}

// bytes returns what was received and not given out yet. It is valid until the
// next call of fill or release.
func (in *input) bytes() []byte {
	if in.buffer == nil {
		return nil
	}
	return in.buffer[in.r:in.w]
}

// skip takes n bytes of those as given out.
func (in *input) skip(n int) { in.r += n }

// fill waits for more and adds what has arrived, at least one byte. There has
// to be room: fewer than maxHead bytes may be waiting to be given out.
func (in *input) fill() error {
	if in.ready != nil {
		err := in.ready.Read(in.try)
		if err == nil {
			return in.err
		}
		if in.parked != nil {
			in.unpark()
		}
		return err
	}
	if in.r == in.w {
		// Nobody knows how long it waits for the first byte.
		in.release()
		var first [1]byte
		n, err := in.source.Read(first[:])
		if n == 0 {
			return err
		}
		in.unpark()
		in.buffer[0], in.w = first[0], 1
		return nil
	}
	in.unpark()
	n, err := in.source.Read(in.buffer[in.w:])
	in.w += n
	if n > 0 {
		return nil
	}
	return err
}

// park makes in hold no buffer.
func (in *input) park() {
	if in.r < in.w {
		in.parked = append([]byte(nil), in.bytes()...)
	}
	in.release()
}

// unpark makes in hold a buffer that has room, and in it what it held before.
func (in *input) unpark() {
	switch {
	case in.buffer == nil:
		in.buffer = buffers.Get().(*[maxHead]byte)
		in.r, in.w = 0, copy(in.buffer[:], in.parked)
		in.parked = nil
	case in.r > 0:
		in.r, in.w = 0, copy(in.buffer[:], in.bytes())
	}
}

// release gives the buffer back, with what is in it.
func (in *input) release() {
	if in.buffer != nil {
		buffers.Put(in.buffer)
		in.buffer = nil
	}
	in.r, in.w = 0, 0
}
