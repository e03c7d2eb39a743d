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
	conn    *net.UDPConn
	out     writer
	errors  *errorQueue
	changed chan struct{} // holds an element if status has news
	ended   chan struct{} // closed when the goroutine that reads is gone

	mu      sync.Mutex
	refused []refusedPacket
	err     error
}

// refusedPacket is a packet that was refused: its sender gets it back in an ICMP
// message.
type refusedPacket struct {
	quoted       []byte        // the beginning of the packet
	err          syscall.Errno // why it was refused
	isLoopback   bool          // the message came through the loopback interface, where Linux does not limit ICMP
	isNoNeighbor bool          // our own host refused it, because it could not find the server's host
	mtu          int           // the maximum length of an IP packet on the path, if this one was longer
}

func newUDPConn(c *net.UDPConn) *udpConn {
	u := &udpConn{
		conn:    c,
		out:     writer{conn: c},
		errors:  newErrorQueue(c),
		changed: make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	go u.read()
	return u
}

// read waits for errors. It ignores what a server sends.
func (u *udpConn) read() {
	defer close(u.ended)
	var ignored [1]byte
	for {
		_, err := u.conn.Read(ignored[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			u.addError(err)
		}
	}
}

// addError records an error of the socket, and the packets that were refused.
func (u *udpConn) addError(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refused = append(u.refused, u.errors.read()...)
	if err != nil {
		u.err = err
	}
	if len(u.refused) > 0 || u.err != nil {
		signal(u.changed)
	}
}

func (u *udpConn) write(packet []byte, now time.Time) error {
	_, err := u.out.write(packet, now)
	return err
}

func (u *udpConn) status() connStatus {
	u.addError(u.errors.pending())
	u.mu.Lock()
	defer u.mu.Unlock()
	f := connStatus{refused: u.refused, err: u.err}
	u.refused, u.err = nil, nil
	select {
	case <-u.changed:
	default:
	}
	return f
}

func (u *udpConn) statusChanged() <-chan struct{} { return u.changed }
func (u *udpConn) finish()                        {}

func (u *udpConn) close() {
	u.conn.Close()
	<-u.ended
}

// minQuoted is the number of bytes of a packet that an ICMP message must quote to
// identify it.
const minQuoted = 64

// firstQuoted returns the index of the first written packet that was refused, or
// len(written) if there is none. If several written packets are equal, it assumes the
// last one, because a refusal arrives soon after the packet was written.
func firstQuoted(written []*buffer, refused []refusedPacket) int {
	first := len(written)
	for _, r := range slices.Backward(refused) {
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
