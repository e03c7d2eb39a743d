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

// responseTimeout limits the time of a response.
const responseTimeout = 10 * time.Second

// load sends requests to a server over persistent connections.
type load interface {
	// run sends n requests and returns after the last response. request returns
	// the next request of a connection; it is sent before the next call.
	run(n int, request func(conn int) []byte) error
	close()
}

// http1Load is the load for HTTP/1.1. It sends the next request on a connection
// after the response to the previous one. A single thread waits for all
// connections with epoll, so that the load is faster than any server.
type http1Load struct {
	conns []*conn // by conn.number
	poll  int     // file descriptor of epoll
	ready []unix.EpollEvent
}

// conn is a connection of an http1Load.
type conn struct {
	fd       int
	number   int
	response response
}

// newHTTP1Load opens connections to 127.0.0.1:port. The caller must close the
// load.
func newHTTP1Load(port, connections int) (*http1Load, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open the load: %w", err)
	}
	l := &http1Load{poll: poll, ready: make([]unix.EpollEvent, connections)}
	for range connections {
		if err := l.dial(port); err != nil {
			l.close()
			return nil, fmt.Errorf("connect to port %d: %w", port, err)
		}
	}
	return l, nil
}

// dial adds a connection. The socket is in blocking mode, which matters only for
// writes: it is read after epoll has reported that it is readable.
func (l *http1Load) dial(port int) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	c := &conn{fd: fd, number: len(l.conns)}
	l.conns = append(l.conns, c)
	limit := unix.NsecToTimeval(int64(responseTimeout))
	return errors.Join(
		unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit),
		unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: netip.MustParseAddr("127.0.0.1").As4()}),
		unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(c.number)}),
	)
}

func (l *http1Load) close() {
	for _, c := range l.conns {
		_ = unix.Close(c.fd)
	}
	_ = unix.Close(l.poll)
}

func (l *http1Load) run(n int, request func(conn int) []byte) error {
	sent, received := 0, 0
	for ; sent < min(n, len(l.conns)); sent++ {
		if err := l.conns[sent].send(request(sent)); err != nil {
			return err
		}
	}
	for received < n {
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
			received++
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

// wait waits for readable connections and returns them. It returns an error if
// there is none within responseTimeout.
func (l *http1Load) wait() ([]unix.EpollEvent, error) {
	for {
		n, err := unix.EpollWait(l.poll, l.ready, int(responseTimeout.Milliseconds()))
		switch {
		case err == unix.EINTR: // a signal of the Go runtime
		case err != nil:
			return nil, fmt.Errorf("wait for responses: %w", err)
		case n == 0:
			return nil, fmt.Errorf("no response for %s", responseTimeout)
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

// receive reads from the connection and reports whether the response is complete.
func (c *conn) receive() (bool, error) {
	n, err := unix.Read(c.fd, c.response.room())
	switch {
	case err == unix.EINTR:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read a response: %w", err)
	case n == 0:
		return false, errClosed
	}
	return c.response.add(n)
}

var errClosed = errors.New("read a response: the server closed the connection, or the response is too large")

// onThread runs f on a new thread, which runs only on the given processors.
func onThread(cpus []int, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked, so that the thread ends and its affinity with it
		if err := pin(0, cpus); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}
