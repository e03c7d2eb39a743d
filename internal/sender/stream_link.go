package sender

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"
)

// errEnded says that StatsD closed a connection.
var errEnded = errors.New("statsd closed the connection")

// streamLink sends lines through a connection, each with a line feed at its end.
// What StatsD's host has not acknowledged when the connection breaks is sent
// again, from the start of a line:
//
//	a:1|c↵b:1|c↵ c:1|c↵d:1|c↵ e:1|c↵
//	└ written ─┘ └ written ─┘ └ current, partly written
//	               ▲ acknowledged up to here: c and all behind it again
type streamLink struct {
	conn         streamConn
	out          writer
	file         *fileWatch // of a Unix socket
	counter      *counter   // of what is not acknowledged
	acknowledges bool       // false for a Unix socket, where written is received

	current   *datagram // the one that is partly written
	offset    int       // how many bytes of current are written
	total     int       // bytes written
	confirmed int       // bytes of the datagrams that confirm has let go of

	ended    chan struct{} // closed when StatsD has closed the connection
	finished bool
	endSent  bool
	failed   error // what write returned
}

type streamConn interface {
	net.Conn
	syscall.Conn
	CloseWrite() error
}

// newStreamLink returns a stream over conn, whose Close ends it.
func newStreamLink(conn streamConn) *streamLink {
	s := &streamLink{conn: conn, out: writer{conn: conn}, ended: make(chan struct{})}
	if _, ok := conn.(*net.TCPConn); ok {
		s.acknowledges = true
		s.counter = newCounter(conn)
	}
	go func() {
		_, _ = io.Copy(io.Discard, conn) // StatsD has nothing to say
		close(s.ended)
	}()
	return s
}

func (s *streamLink) write(d *datagram) error {
	if s.current != d {
		s.current, s.offset = d, 0
	}
	text := append(d.bytes, '\n') // memory has room for it
	n, err := s.out.write(text[s.offset:], d.sent)
	s.offset += n
	s.total += n
	switch {
	case err == nil:
		s.current = nil
	case err != errBusy:
		s.failed = err
	}
	return err
}

func (s *streamLink) confirm(written []*datagram, now time.Time) (n int, err error) {
	acknowledged, err := s.acknowledged()
	for n < len(written) && s.confirmed+len(written[n].bytes)+1 <= acknowledged {
		s.confirmed += len(written[n].bytes) + 1
		n++
	}
	switch {
	case s.failed != nil:
		err = s.failed
	case err != nil:
	case s.hasEnded() && !s.finished:
		return n, errEnded // there is more to know once it is finished
	case s.finished:
		err = net.ErrClosed
	default:
		if err = s.file.check(now); err == nil {
			return n, nil
		}
	}
	first := s.current
	if n < len(written) {
		first = written[n]
	}
	if first != nil {
		i := bytes.LastIndexByte(first.bytes[:acknowledged-s.confirmed], '\n')
		first.bytes = first.bytes[i+1:]
	}
	return n, err
}

// acknowledged returns how many bytes StatsD's host has, and the error that has
// ended the connection.
func (s *streamLink) acknowledged() (int, error) {
	if !s.acknowledges {
		return s.total, nil
	}
	n, err := s.counter.unacknowledged()
	if s.endSent && n > 0 {
		n-- // the end itself, RFC 9293, section 3.4, counts as a byte
	}
	return s.total - n, err
}

func (s *streamLink) hasEnded() bool {
	select {
	case <-s.ended:
		return true
	default:
		return false
	}
}

func (s *streamLink) finish(ctx context.Context) {
	s.finished = true
	s.endSent = s.conn.CloseWrite() == nil
	if !s.endSent || !s.acknowledges {
		return
	}
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for {
		if n, err := s.counter.unacknowledged(); n == 0 || err != nil {
			return
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return
		}
	}
}

func (s *streamLink) broken() <-chan struct{} { return s.ended }

func (s *streamLink) probe() probeTiming { return probeTiming{interval: retryInterval} }

func (s *streamLink) close() {
	if s.acknowledges {
		if n, _ := s.counter.unacknowledged(); n > 0 {
			_ = s.conn.(*net.TCPConn).SetLinger(0) // what is sent again must not arrive here, too
		}
	}
	s.conn.Close()
	<-s.ended
}
