package sender

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
	// A host whose link-layer address nobody tells is asked for three times, a
	// second each (RFC 4861, section 7.2.2, and the same for ARP). Meanwhile the
	// kernel keeps some datagrams for it, and drops the oldest when there are
	// more; then all that it still has come back. The rest is for its timers and
	// for confirmInterval.
	resolveTime = 3*time.Second + 40*time.Millisecond

	// linkHold is how long a datagram is held after it was written, for that
	// reason.
	linkHold = resolveTime + time.Second

	// loopbackHold is the same where the receiver's kernel is ours. A refusal
	// is there as soon as a datagram is written; on a busy machine a little
	// later.
	loopbackHold = 20 * time.Millisecond

	// linkFinish is how long finish waits for refusals across a link.
	linkFinish = 100 * time.Millisecond

	// maxInFlightBytes is how many bytes of datagrams are held at most.
	maxInFlightBytes = 6 << 20

	// minQuoted is how many bytes of a datagram its refusal must quote to tell
	// which it was.
	minQuoted = 64
)

// probeTiming is how a StatsD that was away is tried again.
type probeTiming struct {
	interval time.Duration // how long after the last failure
	timeout  time.Duration // how long the first datagram may come back
}

var (
	loopbackProbe = probeTiming{interval: retryInterval, timeout: loopbackHold}

	// Linux sends a host one refusal a second, after the first six:
	// icmp_ratelimit in icmp(7). A try before that second is over could be
	// refused without a word.
	linkProbe = probeTiming{interval: 1100 * time.Millisecond, timeout: 300 * time.Millisecond}

	// What is sent to a host that is not there comes back late.
	hostProbe = probeTiming{interval: linkProbe.interval, timeout: resolveTime + linkProbe.timeout}
)

// udpLink sends UDP datagrams. A host where nobody listens answers with an ICMP
// message that quotes the datagram, see RFC 1122, section 4.1.3.3.
type udpLink struct {
	conn    *net.UDPConn
	out     writer
	errors  *errorQueue
	isLocal bool          // the receiver's kernel is ours
	hold    time.Duration // how long datagrams are held
	failed  error         // what write returned
}

func newUDPLink(conn *net.UDPConn) *udpLink {
	l := &udpLink{conn: conn, out: writer{conn: conn}, errors: newErrorQueue(conn), hold: linkHold}
	remote := conn.RemoteAddr().(*net.UDPAddr).IP
	l.isLocal = remote.IsLoopback() || remote.Equal(conn.LocalAddr().(*net.UDPAddr).IP)
	if l.isLocal {
		l.hold = loopbackHold
	}
	return l
}

func (l *udpLink) write(d *datagram) error {
	_, err := l.out.write(d.bytes, d.sent)
	if err != errBusy {
		l.failed = err // maybe what became of a datagram before
	}
	return err
}

// confirm takes the first datagram that came back, and all behind it, as not
// received: those were on their way to the same closed port, or to the same
// host that is not there.
func (l *udpLink) confirm(written []*datagram, now time.Time) (n int, err error) {
	if l.failed == nil {
		l.failed = l.errors.pending()
	}
	if l.failed != nil {
		n = firstQuoted(written, l.errors.quoted())
		if errors.Is(l.failed, syscall.EHOSTUNREACH) {
			for n > 0 && now.Sub(written[n-1].sent) <= resolveTime {
				n--
			}
		}
		return n, l.failed
	}
	for n < len(written) && ((len(written)-n)*cap(written[n].memory) > maxInFlightBytes || now.Sub(written[n].sent) >= l.hold) {
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
	wait := linkFinish
	if l.isLocal {
		wait = loopbackHold
	}
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	l.hold = 0
}

func (l *udpLink) probe() probeTiming {
	switch {
	case l.isLocal:
		return loopbackProbe
	case errors.Is(l.failed, syscall.ECONNREFUSED):
		return linkProbe
	}
	return hostProbe // also where the network was gone: the host may not be back with it
}

func (l *udpLink) broken() <-chan struct{} { return nil }
func (l *udpLink) close()                  { l.conn.Close() }
