// Package demo is a built-in StatsD server for a first try of the proxy. It
// prints the lines that it receives, and serves a web page that sends metrics
// and shows the received lines. Nothing else has to be installed.
//
//	proxy ─▶ datagrams ─▶ Server.run ─┬▶ standard output
//	                                  └▶ hub ─▶ subscribers ─▶ pages
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
	done chan struct{} // closed when run returns
}

// Start starts a Server that prints each line to out with the time. The caller
// must call Close.
func Start(out io.Writer) (*Server, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the built-in statsd: %w", err)
	}
	s := &Server{conn: conn, out: out, hub: newHub(), done: make(chan struct{})}
	go s.run()
	return s, nil
}

// Address returns the host and port that the Server receives lines on.
func (s *Server) Address() string { return s.conn.LocalAddr().String() }

// drainTime is the time that Close waits for lines that are on their way.
const drainTime = 50 * time.Millisecond

// Close prints the lines that have arrived, ends the event streams and stops the
// Server. It does not wait for the requests of event streams, because the HTTP
// server that uses Handler owns them.
func (s *Server) Close() {
	_ = s.conn.SetReadDeadline(time.Now().Add(drainTime))
	<-s.done
	_ = s.conn.Close()
	s.hub.close()
}

// run receives datagrams until Close.
func (s *Server) run() {
	defer close(s.done)
	datagram := make([]byte, 64<<10)
	var text []byte
	for {
		n, _, err := s.conn.ReadFrom(datagram)
		if err != nil {
			return
		}
		// All lines of a datagram are printed by one call of Write, which is
		// much faster than one call for each line.
		text = appendWithTime(text[:0], datagram[:n], time.Now())
		_, _ = s.out.Write(text)
		s.hub.publish(datagram[:n])
	}
}

// appendWithTime appends each line of datagram to dst, with now before it.
func appendWithTime(dst, datagram []byte, now time.Time) []byte {
	for line := range bytes.SplitSeq(datagram, []byte{'\n'}) {
		dst = now.AppendFormat(dst, "15:04:05.000 ")
		dst = append(dst, line...)
		dst = append(dst, '\n')
	}
	return dst
}
