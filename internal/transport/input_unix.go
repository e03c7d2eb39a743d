//go:build unix

package transport

import (
	"io"
	"net"
	"os"
	"syscall"
)

// useDescriptor makes in wait for raw to become readable and read it itself. It then
// needs no buffer while it waits, and no additional system call.
func (in *input) useDescriptor(raw net.Conn) {
	if c, ok := raw.(syscall.Conn); ok {
		if ready, err := c.SyscallConn(); err == nil {
			in.ready, in.try = ready, in.tryRead
		}
	}
}

// tryRead reads without waiting. It returns false if there is nothing to read.
func (in *input) tryRead(fd uintptr) (done bool) {
	in.acquireBuffer()
	for {
		n, err := syscall.Read(int(fd), in.buffer[in.w:])
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			if in.isUnfinished {
				acknowledge(fd)
			}
			in.releaseBuffer()
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
