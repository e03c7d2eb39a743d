// Package demo is a StatsD for the first five minutes: it prints the lines it
// receives, and serves a page that sends metrics and shows what becomes of
// them, so that a newcomer sees the proxy's work with nothing else installed.
//
//	proxy ─▶ datagrams ─▶ run ─┬▶ standard output
//	                           └▶ hub ─▶ streams ─▶ pages
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
	hub  hub
	done chan struct{}
}

// Start starts a Server that prints each line to out with a time stamp. It
// runs until Close.
func Start(out io.Writer) (*Server, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the built-in statsd: %w", err)
	}
	s := &Server{conn: conn, out: out, hub: newHub(), done: make(chan struct{})}
	go s.run()
	return s, nil
}

// Address returns the address to send to.
func (s *Server) Address() string { return s.conn.LocalAddr().String() }

// endOfLines is how long Close waits for lines that are on their way.
const endOfLines = 50 * time.Millisecond

// Close prints what has arrived, ends the streams to pages and stops. It does
// not wait for the requests of these streams: they belong to the HTTP server
// that Handler was given to.
func (s *Server) Close() {
	_ = s.conn.SetReadDeadline(time.Now().Add(endOfLines))
	<-s.done
	_ = s.conn.Close()
	s.hub.close()
}

func (s *Server) run() {
	defer close(s.done)
	datagram := make([]byte, 64<<10)
	var text []byte
	for {
		n, _, err := s.conn.ReadFrom(datagram)
		if err != nil {
			return
		}
		// One write for all of a datagram: lines may be many.
		text = appendStamped(text[:0], datagram[:n], time.Now())
		_, _ = s.out.Write(text)
		s.hub.publish(datagram[:n])
	}
}

// appendStamped appends each line of datagram with the time now before it.
func appendStamped(dst, datagram []byte, now time.Time) []byte {
	for line := range bytes.SplitSeq(datagram, []byte{'\n'}) {
		dst = now.AppendFormat(dst, "15:04:05.000 ")
		dst = append(dst, line...)
		dst = append(dst, '\n')
	}
	return dst
}
