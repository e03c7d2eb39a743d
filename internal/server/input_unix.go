//go:build unix

package server

import (
	"io"
	"net"
	"os"
	"syscall"
)

// watch makes in read from raw itself as soon as there is something to read,
// so that it needs no buffer until then and no system call more.
func (in *input) watch(raw net.Conn) {
	if c, ok := raw.(syscall.Conn); ok {
		if ready, err := c.SyscallConn(); err == nil {
			in.ready, in.try = ready, in.tryRead
		}
	}
}

// tryRead reads without waiting. It returns false if there is nothing to read.
func (in *input) tryRead(fd uintptr) (done bool) {
	in.unpark()
	for {
		n, err := syscall.Read(int(fd), in.buffer[in.w:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			in.park()
			return false
		case err != nil:
			in.err = os.NewSyscallError("read", err)
		case n == 0:
			in.err = io.EOF
		default:
			in.err = nil
			in.w += n
		}
		return true
	}
}
