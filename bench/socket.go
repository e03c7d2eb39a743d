//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// socket is a TCP connection without the Go runtime's poller. It implements net.Conn for
// crypto/tls, but its deadlines have no effect.
type socket struct {
	fd int

	// After unblock, Read returns errWouldBlock instead of waiting.
	isUnblocked bool
	buffer      []byte // what Read has read ahead
	memory      []byte // the memory of buffer
	isDrained   bool   // the last system call has read everything; see fill
}

// errWouldBlock is a temporary error, which crypto/tls does not keep.
var errWouldBlock net.Error = wouldBlockError{}

type wouldBlockError struct{}

func (wouldBlockError) Error() string   { return "nothing to read" }
func (wouldBlockError) Timeout() bool   { return true }
func (wouldBlockError) Temporary() bool { return true }

// dial connects to 127.0.0.1:port. The caller must close the socket.
func dial(port int) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	limit := unix.NsecToTimeval(int64(responseTimeout))
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit),
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: netip.MustParseAddr("127.0.0.1").As4()}),
	)
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return &socket{fd: fd, memory: make([]byte, 64<<10)}, nil
}

// unblock lets Read return instead of waiting.
func (s *socket) unblock() error {
	s.isUnblocked = true
	return unix.SetNonblock(s.fd, true)
}

// expect tells Read that the socket is readable.
func (s *socket) expect() { s.isDrained = false }

// Read reads as much as possible ahead, so that many short records need one system call.
func (s *socket) Read(p []byte) (int, error) {
	if len(s.buffer) == 0 {
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, s.buffer)
	s.buffer = s.buffer[n:]
	return n, nil
}

// fill fills the buffer. After a read that did not fill it, there is no second one before
// epoll has reported the socket again.
func (s *socket) fill() error {
	if s.isUnblocked && s.isDrained {
		return errWouldBlock
	}
	for {
		n, err := unix.Read(s.fd, s.memory)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN && s.isUnblocked:
			s.isDrained = true
			return errWouldBlock
		case err != nil:
			return err
		case n == 0:
			return io.EOF
		default:
			s.buffer, s.isDrained = s.memory[:n], n < len(s.memory)
			return nil
		}
	}
}

// Write writes all of p. It waits for room in the socket's buffer.
func (s *socket) Write(p []byte) (int, error) {
	for written := 0; ; {
		n, err := unix.Write(s.fd, p[written:])
		written += max(n, 0)
		switch {
		case err == unix.EAGAIN && s.isUnblocked:
			if err := s.waitWritable(); err != nil {
				return written, err
			}
		case err != nil && err != unix.EINTR:
			return written, err
		case written == len(p):
			return written, nil
		}
	}
}

func (s *socket) waitWritable() error {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}, int(responseTimeout.Milliseconds()))
	if n == 0 && err == nil {
		return fmt.Errorf("the server has not read for %s", responseTimeout)
	}
	if err == unix.EINTR {
		return nil
	}
	return err
}

func (s *socket) Close() error { return unix.Close(s.fd) }

func (s *socket) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *socket) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *socket) SetDeadline(time.Time) error      { return nil }
func (s *socket) SetReadDeadline(time.Time) error  { return nil }
func (s *socket) SetWriteDeadline(time.Time) error { return nil }
