//go:build linux

package main

import (
	"bytes"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sinkBufferBytes is the size of the sink's receive buffer. The kernel may give
// less to a user other than root.
const sinkBufferBytes = 16 << 20

// sink takes the place of StatsD: it counts the lines that it receives.
type sink struct {
	conn  *net.UDPConn
	done  chan struct{} // closed when receive returns
	lines atomic.Int64
}

// startSink starts a sink. The caller must close it.
func startSink() (*sink, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("start the sink: %w", err)
	}
	if err := setReceiveBuffer(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("start the sink: %w", err)
	}
	s := &sink{conn: conn, done: make(chan struct{})}
	go s.receive()
	return s, nil
}

// setReceiveBuffer enlarges the receive buffer of conn, beyond the kernel's limit
// if possible.
func setReceiveBuffer(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), syscall.SOL_SOCKET, unix.SO_RCVBUFFORCE, sinkBufferBytes)
	})
	if controlErr != nil || err == nil {
		return controlErr
	}
	return conn.SetReadBuffer(sinkBufferBytes)
}

// receive counts lines until close.
func (s *sink) receive() {
	defer close(s.done)
	datagram := make([]byte, 64<<10)
	for {
		n, err := s.conn.Read(datagram)
		if err != nil {
			return // closed
		}
		s.lines.Add(int64(bytes.Count(datagram[:n], []byte{'\n'}) + 1))
	}
}

func (s *sink) port() int {
	return s.conn.LocalAddr().(*net.UDPAddr).Port
}

// waitFor waits until the sink has received n lines, or receives no more lines
// for a while. It returns the number of received lines.
func (s *sink) waitFor(n int64) int64 {
	const pollInterval, quietTime = 5 * time.Millisecond, 300 * time.Millisecond
	last, since := s.lines.Load(), time.Now()
	for last < n && time.Since(since) < quietTime {
		time.Sleep(pollInterval)
		if now := s.lines.Load(); now != last {
			last, since = now, time.Now()
		}
	}
	return last
}

func (s *sink) close() {
	s.conn.Close()
	<-s.done
}
