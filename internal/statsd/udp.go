package statsd

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"syscall"
	"time"
)

const (
	// linkHold is how long a datagram is held after it was written, since a
	// host that is gone is only noticed when nobody answers for its address
	// (RFC 4861, section 7.2.2 and the like for ARP: three tries, a second each).
	linkHold = 4 * time.Second

	// loopbackHold is the same where the receiver's kernel is ours. A refusal
	// is there as soon as a datagram is written; on a busy machine a little
	// later.
	loopbackHold = 20 * time.Millisecond

	// linkFinish is how long finish waits for refusals across a link.
	linkFinish = 100 * time.Millisecond

	// maxHeld is how many datagrams are held at most.
	maxHeld = 4096

	// minQuoted is how many bytes of a datagram its refusal must quote to tell
	// which it was.
	minQuoted = 64
)

// udpLink sends UDP datagrams. A host where nobody listens answers with an ICMP
// message that quotes the datagram, see RFC 1122, section 4.1.3.3.
type udpLink struct {
	conn    *net.UDPConn
	errors  *errorQueue
	hold    time.Duration
	patient time.Duration // for finish
	failed  error         // what write returned
}

func newUDPLink(conn *net.UDPConn) *udpLink {
	l := &udpLink{conn: conn, errors: newErrorQueue(conn), hold: linkHold, patient: linkFinish}
	remote := conn.RemoteAddr().(*net.UDPAddr)
	if remote.IP.IsLoopback() || remote.IP.Equal(conn.LocalAddr().(*net.UDPAddr).IP) {
		l.hold, l.patient = loopbackHold, loopbackHold
	}
	return l
}

func (l *udpLink) write(d *datagram) error {
	_, err := l.conn.Write(d.bytes)
	if errors.Is(err, syscall.ENOBUFS) {
		return errBusy
	}
	l.failed = err // maybe what became of a datagram before
	return err
}

// settle takes the first datagram that came back, and all behind it, as not
// received: those were on their way to the same closed port.
func (l *udpLink) settle(written []*datagram, now time.Time) (n int, err error) {
	if l.failed == nil {
		l.failed = l.errors.pending()
	}
	if l.failed != nil {
		return firstQuoted(written, l.errors.quoted()), l.failed
	}
	for n < len(written) && (len(written)-n > maxHeld || now.Sub(written[n].sent) >= l.hold) {
		n++
	}
	return n, nil
}

// firstQuoted returns the index of the first of written that was sent back,
// len(written) where none was. quoted holds the beginnings of the datagrams
// that were, in order. Of equal ones the last are taken: a refusal does not
// take long.
func firstQuoted(written []*datagram, quoted [][]byte) int {
	first := len(written)
	for _, q := range slices.Backward(quoted) {
		for i := first - 1; i >= 0; i-- {
			text := written[i].bytes
			if bytes.HasPrefix(text, q) && len(q) >= min(len(text), minQuoted) {
				first = i
				break
			}
		}
	}
	return first
}

func (l *udpLink) finish(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(l.patient):
	}
	l.hold = 0
}

func (l *udpLink) broken() <-chan struct{} { return nil }
func (l *udpLink) close()                  { l.conn.Close() }
