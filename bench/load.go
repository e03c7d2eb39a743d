//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// responseTimeout limits the time of a response.
const responseTimeout = 10 * time.Second

// load sends requests to a server over persistent connections. A single thread waits
// for all connections with epoll, so that the load is faster than any server.
type load struct {
	conns   []loadConn // by number
	streams int        // requests that a connection may have open
	poll    int        // file descriptor of epoll
	ready   []unix.EpollEvent

	// neverSleeps says that run asks for responses again and again instead of sleeping
	// until there is one. To wake a thread takes several µs, which the kernel charges to the
	// server that responds. A slow server would wake the load for each response, a fast one
	// hardly ever.
	neverSleeps bool
}

// loadConn is a connection of a load.
type loadConn interface {
	// send sends a request, at the latest when flush is called. All requests of a
	// connection must be the same.
	send(request []byte) error
	flush() error

	// receive reads what has arrived. It returns the number of responses that are
	// complete now.
	receive() (int, error)

	close()
}

// newLoad opens connections to 127.0.0.1:port. The caller must close the load.
func newLoad(protocol string, port, connections, streams int) (*load, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("open the load: %w", err)
	}
	l := &load{poll: poll, streams: streams, ready: make([]unix.EpollEvent, connections)}
	for range connections {
		if err := l.connect(protocol, port); err != nil {
			l.close()
			return nil, fmt.Errorf("connect to port %d: %w", port, err)
		}
	}
	return l, nil
}

// connect adds a connection.
func (l *load) connect(protocol string, port int) error {
	s, err := dial(port)
	if err != nil {
		return err
	}
	c, err := newLoadConn(protocol, s)
	if err != nil {
		_ = s.Close()
		return err
	}
	l.conns = append(l.conns, c)
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(l.conns) - 1)}
	return errors.Join(s.unblock(), unix.EpollCtl(l.poll, unix.EPOLL_CTL_ADD, s.fd, &event))
}

func newLoadConn(protocol string, s *socket) (loadConn, error) {
	if protocol == protocolHTTP1 {
		return &http1Conn{socket: s, stream: s}, nil
	}
	conn, err := handshake(s, protocol)
	if err != nil {
		return nil, err
	}
	if protocol == protocolHTTP2 {
		return newHTTP2Conn(s, conn), nil
	}
	return &http1Conn{socket: s, stream: conn}, nil
}

func (l *load) close() {
	for _, c := range l.conns {
		c.close()
	}
	_ = unix.Close(l.poll)
}

// run sends n requests and returns after the last response. request returns the
// request of a connection.
func (l *load) run(n int, request func(conn int) []byte) error {
	sent, received := 0, 0
	send := func(number, most int) error {
		c := l.conns[number]
		for ; most > 0 && sent < n; most-- {
			sent++
			if err := c.send(request(number)); err != nil {
				return fmt.Errorf("send a request: %w", err)
			}
		}
		if err := c.flush(); err != nil {
			return fmt.Errorf("send a request: %w", err)
		}
		return nil
	}
	for number := range l.conns {
		if err := send(number, l.streams); err != nil {
			return err
		}
	}
	for received < n {
		ready, err := l.wait()
		if err != nil {
			return err
		}
		for _, event := range ready {
			done, err := l.conns[event.Fd].receive()
			if err != nil {
				return fmt.Errorf("read a response: %w", err)
			}
			received += done
			if err := send(int(event.Fd), done); err != nil {
				return err
			}
		}
	}
	return nil
}

// wait waits for readable connections and returns them. It returns an error if
// there is none within responseTimeout.
func (l *load) wait() ([]unix.EpollEvent, error) {
	timeout := responseTimeout
	if l.neverSleeps {
		timeout = 0
	}
	for start := time.Now(); ; {
		n, err := unix.EpollWait(l.poll, l.ready, int(timeout.Milliseconds()))
		switch {
		case n > 0:
			return l.ready[:n], nil
		case err != nil && err != unix.EINTR: // a signal of the Go runtime
			return nil, fmt.Errorf("wait for responses: %w", err)
		case time.Since(start) >= responseTimeout:
			return nil, fmt.Errorf("no response for %s", responseTimeout)
		}
	}
}

// http1Conn is a connection for HTTP/1.1 with one open request.
type http1Conn struct {
	*socket
	stream   io.ReadWriteCloser // the socket, or TLS on it
	response response
}

func (c *http1Conn) send(request []byte) error {
	_, err := c.stream.Write(request)
	return err
}

func (c *http1Conn) flush() error { return nil }
func (c *http1Conn) close()       { _ = c.stream.Close() }

func (c *http1Conn) receive() (int, error) {
	c.expect()
	for {
		n, err := c.stream.Read(c.response.room())
		switch {
		case err == errWouldBlock:
			return 0, nil
		case err != nil:
			return 0, err
		case n == 0:
			return 0, errTooLarge
		}
		if done, err := c.response.add(n); done || err != nil {
			return 1, err
		}
	}
}

var errTooLarge = errors.New("the response is too large")

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
