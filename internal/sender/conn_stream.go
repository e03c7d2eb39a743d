package sender

import (
	"io"
	"net"
	"syscall"
	"time"
)

// streamConn sends packets through a connection, each with a line feed at its
// end.
//
//	a:1|c↵b:1|c↵ c:1|c↵d:1|c↵ e:1|c↵
//	└ written ─┘ └ written ─┘ └ partly written
//	               ▲ acknowledged up to here
type streamConn struct {
	conn    byteStream
	out     writer
	file    *fileWatch      // of a Unix socket
	counter *unackedCounter // nil for a Unix socket, whose peer has each byte as soon as it is written

	offset  int           // the number of bytes that are written of a partly written packet
	written int           // the number of bytes written on this connection
	ended   chan struct{} // closed when the server has closed the connection
	readErr error         // the error that ended the reads, nil after an EOF; valid when ended is closed
	endSent bool
}

// byteStream is a net.TCPConn or a net.UnixConn.
type byteStream interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// newStreamConn returns a streamConn over c. A TCP peer that acknowledges
// nothing for stallTimeout breaks it.
func newStreamConn(c byteStream, stallTimeout time.Duration) *streamConn {
	s := &streamConn{conn: c, out: newWriter(c), ended: make(chan struct{})}
	if _, ok := c.(*net.TCPConn); ok {
		s.counter = newUnackedCounter(c, stallTimeout)
	}
	go func() {
		_, s.readErr = io.Copy(io.Discard, c) // StatsD sends nothing
		close(s.ended)
	}()
	return s
}

func (s *streamConn) write(packet []byte, now time.Time) error {
	text := append(packet, '\n') // the memory of a packet has room for a line feed after it
	n, err := s.out.write(text[s.offset:], now)
	s.offset += n
	s.written += n
	if err == nil {
		s.offset = 0
	}
	return err
}

func (s *streamConn) status() connStatus {
	f := connStatus{acked: s.written, isReplaced: s.file.isReplaced()}
	if s.counter != nil {
		n, err := s.counter.unacknowledged()
		if s.endSent && n > 0 {
			n-- // the FIN takes one sequence number (RFC 9293, section 3.4)
		}
		f.acked -= n
		f.err = err
	}
	if f.err == nil && s.hasEnded() {
		if f.err = s.readErr; f.err == nil { // the server has closed only its end
			f.err = errEnded
		}
	}
	return f
}

func (s *streamConn) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *streamConn) statusChanged() <-chan struct{} { return s.ended }
func (s *streamConn) finish()                        { s.endSent = s.conn.CloseWrite() == nil }

func (s *streamConn) close() {
	if s.counter != nil {
		if n, _ := s.counter.unacknowledged(); n > 0 {
			_ = s.conn.(*net.TCPConn).SetLinger(0) // lines that are sent again must not also arrive on this connection
		}
	}
	s.conn.Close()
	<-s.ended
}
