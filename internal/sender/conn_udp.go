package sender

import (
	"bytes"
	"errors"
	"net"
	"slices"
	"sync"
	"syscall"
	"time"
)

// udpConn sends UDP packets. A host where nobody listens answers with an ICMP
// message that quotes the packet, see RFC 1122, section 4.1.3.3.
type udpConn struct {
	conn   *net.UDPConn
	out    writer
	errors *errorQueue
	token  chan struct{} // there is something for facts
	ended  chan struct{} // closed when the goroutine that reads is gone

	mu       sync.Mutex
	returned []returned
	err      error
}

// returned is a packet that came back.
type returned struct {
	quoted       []byte        // its beginning
	err          syscall.Errno // why
	isLoopback   bool          // the refusal came through the loopback interface, where refusals are not limited
	isNoNeighbor bool          // our own host has sent it back, since it has not found the server's
	mtu          int           // if it was too long for the path: how long an IP packet may be
}

func newUDPConn(c *net.UDPConn) *udpConn {
	u := &udpConn{
		conn:   c,
		out:    writer{conn: c},
		errors: newErrorQueue(c),
		token:  make(chan struct{}, 1),
		ended:  make(chan struct{}),
	}
	go u.read()
	return u
}

// read waits for errors. It ignores what a server sends.
func (u *udpConn) read() {
	defer close(u.ended)
	var answer [1]byte
	for {
		_, err := u.conn.Read(answer[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			u.note(err)
		}
	}
}

// note notes an error of the socket and the packets that it is about.
func (u *udpConn) note(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.returned = append(u.returned, u.errors.read()...)
	if err != nil {
		u.err = err
	}
	if len(u.returned) > 0 || u.err != nil {
		signal(u.token)
	}
}

func (u *udpConn) write(packet []byte, now time.Time) error {
	_, err := u.out.write(packet, now)
	return err
}

func (u *udpConn) facts() facts {
	u.note(u.errors.pending())
	u.mu.Lock()
	defer u.mu.Unlock()
	f := facts{returned: u.returned, err: u.err}
	u.returned, u.err = nil, nil
	select {
	case <-u.token:
	default:
	}
	return f
}

func (u *udpConn) news() <-chan struct{} { return u.token }
func (u *udpConn) finish()               {}

func (u *udpConn) close() {
	u.conn.Close()
	<-u.ended
}

// minQuoted is how many bytes of a packet its refusal must quote to say which
// packet it was.
const minQuoted = 64

// firstQuoted returns the index of the first of written that came back, or
// len(written) if none did. Of equal packets it takes the last: a refusal does
// not take long.
func firstQuoted(written []*buffer, all []returned) int {
	first := len(written)
	for _, r := range slices.Backward(all) {
		for i := first - 1; i >= 0; i-- {
			text := written[i].bytes
			if bytes.HasPrefix(text, r.quoted) && len(r.quoted) >= min(len(text), minQuoted) {
				first = i
				break
			}
		}
	}
	return first
}
