// Package socket reads and writes sockets without waiting.
//
// Its system calls never wait, so on Linux they leave out what Go does around a call
// that may wait: to tell the scheduler, and to wake the thread that takes the processor
// away from long calls. That thread runs every 20 µs once it is awake, and can cost as
// much as a tenth of the time of a busy proxy.
package socket

import (
	"net"
	"os"
	"syscall"
)

// Writer writes to a connection. Its zero value writes nothing. It may be used by one
// goroutine at a time.
type Writer struct {
	conn net.Conn
	raw  syscall.RawConn  // nil if there is no descriptor
	try  func(fd uintptr) // tryWrite, kept because each method value costs an allocation

	// The argument and the results of try.
	text []byte
	n    int
	err  error
}

// NewWriter returns a Writer to c.
func NewWriter(c net.Conn) *Writer {
	w := &Writer{conn: c}
	if s, ok := c.(syscall.Conn); ok && hasDescriptors {
		if raw, err := s.SyscallConn(); err == nil {
			w.raw, w.try = raw, w.tryWrite
		}
	}
	return w
}

// TryWrite writes as much of text as the kernel takes at once, and returns the number of
// bytes. Without an error this may be less than all of text, even nothing: then the
// connection has to write the rest. An empty text is an empty datagram, which is not sent if
// the kernel has no room. The deadlines of the connection play no part.
func (w *Writer) TryWrite(text []byte) (n int, err error) {
	if w.raw == nil {
		return 0, nil
	}
	w.text = text
	err = w.raw.Control(w.try)
	w.text = nil
	if err == nil {
		n, err = w.n, w.err
	}
	return n, err
}

func (w *Writer) tryWrite(fd uintptr) {
	w.n, w.err = Send(fd, w.text)
	switch w.err {
	case nil:
	case syscall.EAGAIN, syscall.EINTR:
		w.err = nil
	default:
		w.err = &net.OpError{Op: "write", Net: w.conn.RemoteAddr().Network(), Source: w.conn.LocalAddr(), Addr: w.conn.RemoteAddr(), Err: os.NewSyscallError("write", w.err)}
	}
}
