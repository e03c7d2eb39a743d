package transport

import (
	"encoding/binary"
	"net"
	"syscall"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/socket"
)

// recordConn is the connection under a TLS connection. It receives into a buffer that it
// holds only until TLS has read it, and TLS never holds more than one record (RFC 8446,
// section 5.1). So it is known whether TLS needs more to go on, and an idle connection can
// wait outside of TLS, with a small stack.
//
// Its methods but Write belong to the goroutine that reads.
type recordConn struct {
	net.Conn
	ready syscall.RawConn
	try   func(fd uintptr) bool // tryReceive, kept because each method value costs an allocation
	out   *socket.Writer        // belongs to the goroutine that writes

	buffer  *[exchange.MaxHead]byte // what pending is in; nil while there is nothing
	pending []byte                  // was received and not read
	err     error                   // of the last tryReceive

	header       [recordHeader]byte // of the current record
	headerLength int                // bytes of header that were read
	bodyLeft     int                // bytes of the body that were not read

	neverWaits bool // Read returns errNotArrived instead of waiting
}

// errNotArrived is the error of a Read that would wait. TLS goes on after a temporary error.
var errNotArrived net.Error = notArrived{}

type notArrived struct{}

func (notArrived) Error() string   { return "nothing has arrived" }
func (notArrived) Timeout() bool   { return false }
func (notArrived) Temporary() bool { return true }

// Read reads up to the end of a record.
func (r *recordConn) Read(dst []byte) (int, error) {
	if len(r.pending) == 0 {
		if r.neverWaits {
			return 0, errNotArrived
		}
		if err := r.wait(); err != nil {
			return 0, err
		}
	}
	n := r.advance(r.pending[:min(len(dst), len(r.pending))])
	copy(dst, r.pending[:n])
	if r.pending = r.pending[n:]; len(r.pending) == 0 {
		r.release()
	}
	return n, nil
}

// advance advances over b up to the end of a record, and returns the number of bytes.
func (r *recordConn) advance(b []byte) (n int) {
	if r.bodyLeft == 0 {
		n = copy(r.header[r.headerLength:], b)
		r.headerLength += n
		if r.headerLength < recordHeader {
			return n
		}
		r.headerLength, r.bodyLeft = 0, int(binary.BigEndian.Uint16(r.header[3:]))
	}
	body := min(len(b)-n, r.bodyLeft)
	r.bodyLeft -= body
	return n + body
}

// release gives the buffer back.
func (r *recordConn) release() {
	if r.buffer != nil {
		buffers.Put(r.buffer)
	}
	r.buffer, r.pending = nil, nil
}

// Write writes text. It sets no deadline.
func (r *recordConn) Write(text []byte) (int, error) {
	if len(text) == 0 {
		return 0, nil
	}
	n, err := r.out.TryWrite(text)
	if err != nil || n == len(text) {
		return n, err
	}
	rest, err := r.Conn.Write(text[n:])
	return n + rest, err
}
