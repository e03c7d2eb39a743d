//go:build unix

package transport

import (
	"io"
	"net"
	"os"
	"syscall"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/socket"
)

// newRecordConn returns a recordConn on raw, or nil if raw has no descriptor.
func newRecordConn(raw net.Conn) *recordConn {
	c, ok := raw.(syscall.Conn)
	if !ok {
		return nil
	}
	ready, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	r := &recordConn{Conn: raw, ready: ready, out: socket.NewWriter(raw)}
	r.try = r.tryReceive
	return r
}

// wait waits until bytes have arrived, and receives them.
func (r *recordConn) wait() error {
	if err := r.ready.Read(r.try); err != nil {
		return err
	}
	return r.err
}

// tryReceive receives bytes without waiting. It returns false if there are none.
func (r *recordConn) tryReceive(fd uintptr) (done bool) {
	buffer := buffers.Get().(*[exchange.MaxHead]byte)
	n, _, err := socket.Receive(fd, buffer[:])
	if n > 0 {
		r.buffer, r.pending, r.err = buffer, buffer[:n], nil
		return true
	}
	buffers.Put(buffer)
	switch err {
	case syscall.EAGAIN:
		return false
	case nil:
		r.err = io.EOF
	default:
		r.err = os.NewSyscallError("read", err)
	}
	return true
}
