// Package demo is a StatsD for the first five minutes: it prints the lines it
// receives, so that a newcomer sees the proxy's work with nothing else
// installed.
package demo

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"time"
)

// Server receives StatsD lines on a free UDP port of the loopback interface.
type Server struct {
	conn net.PacketConn
	out  io.Writer
	done chan struct{}
}

// Start starts a Server that prints each line to out with a time stamp. It
// runs until Close.
func Start(out io.Writer) (*Server, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the built-in statsd: %w", err)
	}
	s := &Server{conn: conn, out: out, done: make(chan struct{})}
	go s.run()
	return s, nil
}

// Address returns the address to send to.
func (s *Server) Address() string { return s.conn.LocalAddr().String() }

// endOfLines is how long Close waits for lines that are on their way.
const endOfLines = 50 * time.Millisecond

// Close prints what has arrived and stops.
func (s *Server) Close() {
	_ = s.conn.SetReadDeadline(time.Now().Add(endOfLines))
	<-s.done
	_ = s.conn.Close()
}

func (s *Server) run() {
	defer close(s.done)
	datagram := make([]byte, 64<<10)
	for {
		n, _, err := s.conn.ReadFrom(datagram)
		if err != nil {
			return
		}
		now := time.Now().Format("15:04:05.000")
		for line := range bytes.SplitSeq(datagram[:n], []byte{'\n'}) {
			fmt.Fprintf(s.out, "%s %s\n", now, line)
		}
	}
}
