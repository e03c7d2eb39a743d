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

// sinkBuffer is how much may wait for the sink, in bytes. Without root's rights
// the kernel may give less.
const sinkBuffer = 16 << 20

// sink stands for StatsD: it counts the lines that it receives.
type sink struct {
	conn  *net.UDPConn
	done  chan struct{}
	lines atomic.Int64
}

// startSink starts a sink, which the caller closes.
func startSink() (*sink, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("start the sink: %w", err)
	}
	if err := setBuffer(conn); err != nil {
		conn.Close()
		return nil, fmt.Errorf("start the sink: %w", err)
	}
	s := &sink{conn: conn, done: make(chan struct{})}
	go s.receive()
	return s, nil
}

func setBuffer(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	forced := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), syscall.SOL_SOCKET, unix.SO_RCVBUFFORCE, sinkBuffer)
	})
	if forced != nil || err == nil {
		return forced
	}
	return conn.SetReadBuffer(sinkBuffer)
}

func (s *sink) receive() {
	defer close(s.done)
	datagram := make([]byte, 64<<10)
	for {
		n, err := s.conn.Read(datagram)
		if err != nil {
			return // it is closed
		}
		s.lines.Add(int64(bytes.Count(datagram[:n], []byte{'\n'}) + 1))
	}
}

func (s *sink) port() int {
	return s.conn.LocalAddr().(*net.UDPAddr).Port
}

// settle waits until the lines received are want, or no more come, and returns
// how many there are.
func (s *sink) settle(want int64) int64 {
	const poll, quiet = 5 * time.Millisecond, 300 * time.Millisecond
	last, since := s.lines.Load(), time.Now()
	for last < want && time.Since(since) < quiet {
		time.Sleep(poll)
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
