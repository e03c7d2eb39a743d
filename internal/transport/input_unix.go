//go:build unix

package transport

import (
	"io"
	"net"
	"os"
	"syscall"

	"statsd-http-proxy/internal/socket"
)

// useDescriptor makes in wait for raw to become readable and read it itself. It then
// needs no buffer while it waits, and no additional system call.
//
// It calls serve, if that is not nil, within the wait. A wait that ended for each request
// would begin anew with a read that finds nothing, because it cannot know whether
// something has arrived in between.
func (in *input) useDescriptor(raw net.Conn, serve func() (goesOn bool)) {
	c, ok := raw.(syscall.Conn)
	if !ok {
		return
	}
	if ready, err := c.SyscallConn(); err == nil {
		in.ready, in.try, in.serve = ready, in.tryRead, serve
		_ = ready.Control(func(fd uintptr) { socket.TellRest(fd) }) // an error means that the connection is closed
	}
}

// tryRead reads without waiting, and has serve serve what has arrived. It returns false
// to wait until more has arrived.
func (in *input) tryRead(fd uintptr) (done bool) {
	for {
		in.acquireBuffer()
		n, hasRest, err := in.receive(fd)
		switch {
		case err == syscall.EAGAIN:
			if in.isUnfinished {
				acknowledge(fd)
			}
			in.releaseBuffer()
			return false
		case err != nil:
			in.err = os.NewSyscallError("read", err)
			return true
		case n == 0:
			in.err = io.EOF
			return true
		}
		in.err = nil
		in.w += n
		if in.serve == nil || in.isUnfinished || !in.serveArrived(fd) {
			return true
		}
		if !hasRest {
			in.release()
			return false
		}
	}
}

// receive reads what has arrived. hasRest is false if nothing is left, but for the end of
// the connection if the connection is busy.
func (in *input) receive(fd uintptr) (n int, hasRest bool, err error) {
	room := in.buffer[in.w:]
	if !in.isBusy {
		return socket.Receive(fd, room)
	}
	n, err = socket.Read(fd, room)
	return n, n == len(room), err
}

// serveArrived calls serve while fd can be written.
func (in *input) serveArrived(fd uintptr) (goesOn bool) {
	in.isServing, in.fd = true, fd
	goesOn = in.serve()
	in.isServing = false
	return goesOn
}

// tryWrite writes as much of text as the connection takes at once, and returns how many
// bytes these are. It writes nothing unless serve runs.
func (in *input) tryWrite(text []byte) (n int) {
	if in.isServing {
		n, _ = socket.Send(in.fd, text) // an error shows again in the write of the rest
	}
	return n
}
