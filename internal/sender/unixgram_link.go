package sender

import (
	"context"
	"net"
	"time"
)

// unixgramLink sends datagrams through a Unix domain socket. What the kernel
// takes is in StatsD's hands; it takes no more than that reads.
type unixgramLink struct {
	conn   net.Conn
	out    writer
	file   *fileWatch
	failed error // what write returned
}

func (l *unixgramLink) write(d *datagram) error {
	_, err := l.out.write(d.bytes, d.sent)
	if err != nil && err != errBusy {
		l.failed = err
	}
	return err
}

func (l *unixgramLink) confirm(written []*datagram, now time.Time) (int, error) {
	if l.failed != nil {
		return len(written), l.failed
	}
	return len(written), l.file.check(now)
}

func (l *unixgramLink) finish(context.Context)  {}
func (l *unixgramLink) broken() <-chan struct{} { return nil }
func (l *unixgramLink) probe() probeTiming      { return probeTiming{interval: retryInterval} }
func (l *unixgramLink) close()                  { l.conn.Close() }
