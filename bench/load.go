//go:build linux

package main

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// answerTime is how long a server may take for an answer.
const answerTime = 10 * time.Second

// load sends requests to a server over connections that are kept.
type load interface {
	// run sends n requests and returns when all are answered. request returns
	// the next one of a connection, which is sent before the next call.
	run(n int, request func(conn int) []byte) error
	close()
}

// plainLoad is the load for HTTP/1.1: on each connection the next request
// follows the answer to the one before. It is one thread that waits for all of
// them at once, so that it costs less than any server.
type plainLoad struct {
	conns []*conn // by number
	poll  int     // epoll's file descriptor
	ready []unix.EpollEvent
}

// conn is one of the load's connections.
type conn struct {
	fd     int
	number int
	answer answer
}

// newPlainLoad opens connections to 127.0.0.1:port. The caller closes the load.
func newPlainLoad(port, connections int) (*plainLoad, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open the load: %w", err)
	}
	l := &plainLoad{poll: poll, ready: make([]unix.EpollEvent, connections)}
	for range connections {
		if err := l.dial(port); err != nil {
			l.close()
			return nil, fmt.Errorf("connect to port %d: %w", port, err)
		}
	}
	return l, nil
}

// dial adds a connection. Its socket blocks, which is for writing only: it is
// read when there is something to read.
func (l *plainLoad) dial(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c := &conn{fd: fd, number: len(l.conns)}
	l.conns = append(l.conns, c)
	limit := unix.NsecToTimeval(int64(answerTime))
	return errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: netip.MustParseAddr("127.0.0.1").As4()}),
		unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.number)}),
	)
}

func (l *plainLoad) close() {
	for _, c := range l.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(l.poll)
}

func (l *plainLoad) run(n int, request func(conn int) []byte) error {
	sent, answered := 0, 0
	for ; sent < min(n, len(l.conns)); sent++ {
		if err := l.conns[sent].send(request(sent)); err != nil {
			return err
		}
	}
	for answered < n {
		ready, err := l.wait()
		if err != nil {
			return err
		}
		for _, event := range ready {
			c := l.conns[event.Fd]
			done, err := c.receive()
			if err != nil {
				return err
			}
			if !done {
				continue
			}
			answered++
			if sent < n {
				sent++
				if err := c.send(request(c.number)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// wait returns the connections that can be read; it is an error if there is none
// within answerTime.
func (l *plainLoad) wait() ([]unix.EpollEvent, error) {
	for {
		n, err := unix.EpollWait(l.poll, l.ready, int(answerTime.Milliseconds()))
		switch {
		case err == unix.EINTR: // as the Go runtime's own signals do
		case err != nil:
			return nil, fmt.Errorf("wait for answers: %w", err)
		case n == 0:
			return nil, fmt.Errorf("no answer for %s", answerTime)
		default:
			return l.ready[:n], nil
		}
	}
}

func (c *conn) send(request []byte) error {
	for len(request) > 0 {
		n, err := unix.Write(c.fd, request)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("send a request: %w", err)
		}
		request = request[max(n, 0):]
	}
	return nil
}

// receive reads what has come and tells whether the answer is complete.
func (c *conn) receive() (bool, error) {
	n, err := unix.Read(c.fd, c.answer.room())
	switch {
	case err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read an answer: %w", err)
	case n == 0:
		return false, errClosed
	}
	return c.answer.add(n)
}

var errClosed = errors.New("read an answer: the server closed the connection, or the answer is too large")

// onThread runs f on a thread of its own, on the given processors.
func onThread(cpus []int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good, so that the thread ends with its processors
		if err := pin(0, cpus); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}
