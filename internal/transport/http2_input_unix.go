//go:build unix

package transport

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// secureInput is the http2.Input of a connection with TLS. It waits until the connection
// below TLS can be read, and reads without waiting. So it has no buffer while it waits, and
// the stack of its goroutine stays small.
type secureInput struct {
	http2Input
	raw syscall.RawConn
	tls *handshakeConn
	try func(fd uintptr) bool // tryRead, kept because each method value costs an allocation
}

// newSecureInput returns an input that reads what in reads: TLS on h. raw is the connection
// below.
func newSecureInput(in *input, h *handshakeConn, raw syscall.RawConn) *secureInput {
	s := &secureInput{http2Input: http2Input{in}, raw: raw, tls: h}
	s.try = s.tryRead
	return s
}

// Fill implements http2.Input.
func (s *secureInput) Fill() error {
	err := s.raw.Read(s.try)
	if err == nil {
		return s.in.err
	}
	if s.in.saved != nil {
		s.in.acquireBuffer()
	}
	return err
}

// errNotArrived is the error of a read that would have to wait. TLS goes on after it, as
// after a timeout.
var errNotArrived error = notArrived{}

type notArrived struct{}

func (notArrived) Error() string   { return "nothing has arrived" }
func (notArrived) Timeout() bool   { return true }
func (notArrived) Temporary() bool { return true }

// tryRead reads without waiting. It returns false if there is nothing to read.
func (s *secureInput) tryRead(fd uintptr) (done bool) {
	s.in.acquireBuffer()
	s.tls.fd, s.tls.readNow = fd, readNow
	n, err := s.in.source.Read(s.in.buffer[s.in.w:])
	if n == 0 && errors.Is(err, errNotArrived) {
		s.in.releaseBuffer()
		return false
	}
	s.in.w += n
	if s.in.err = err; n > 0 {
		s.in.err = nil // an error shows again in the next read
	}
	return true
}

// readNow reads from a descriptor. It returns errNotArrived instead of waiting.
func readNow(fd uintptr, dst []byte) (int, error) {
	for {
		n, err := syscall.Read(int(fd), dst)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, errNotArrived
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
