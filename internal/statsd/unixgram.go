package statsd

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// writeTime is how long a write may block. It returns as soon as there is
// room; meanwhile the courier sees nothing else.
const writeTime = 20 * time.Millisecond

// write writes all of b, or says errBusy with what it wrote.
func write(conn net.Conn, b []byte) (n int, err error) {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return 0, err
	}
	n, err = conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ENOBUFS) {
		return n, errBusy
	}
	return n, err
}

// unixgramLink sends datagrams through a Unix domain socket. What the kernel
// takes is in StatsD's hands; it takes no more than that reads.
type unixgramLink struct {
	conn   net.Conn
	file   *fileWatch
	failed error // what write returned
}

func (l *unixgramLink) write(d *datagram) error {
	_, err := write(l.conn, d.bytes)
	if err != nil && err != errBusy {
		l.failed = err
	}
	return err
}

func (l *unixgramLink) settle(written []*datagram, now time.Time) (int, error) {
	if l.failed != nil {
		return len(written), l.failed
	}
	return len(written), l.file.check(now)
}

func (l *unixgramLink) finish(context.Context)  {}
func (l *unixgramLink) broken() <-chan struct{} { return nil }
func (l *unixgramLink) trial() trial            { return trial{every: retryInterval} }
func (l *unixgramLink) close()                  { l.conn.Close() }
