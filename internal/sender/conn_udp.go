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
	socket  *udpSocket
	old     *udpSocket    // the socket before the last renewal, which may still get refusals; nil if there is none
	changed chan struct{} // holds an element if status has news

	mu  sync.Mutex // protects err and the field refused of sockets
	err error
}

// udpSocket is a socket of a udpConn.
type udpSocket struct {
	conn    *net.UDPConn
	out     writer
	errors  *errorQueue
	refused []refusedPacket // since the last call of status
	ended   chan struct{}   // closed when the goroutine that reads is gone
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
	u := &udpConn{changed: make(chan struct{}, 1)}
	u.socket = u.newSocket(c)
	return u
}

// newSocket returns a socket over c and starts to wait for its errors.
func (u *udpConn) newSocket(c *net.UDPConn) *udpSocket {
	s := &udpSocket{conn: c, out: newWriter(c), errors: newErrorQueue(c), ended: make(chan struct{})}
	go u.read(s)
	return s
}

// read waits for errors of s. It ignores what a server sends.
func (u *udpConn) read(s *udpSocket) {
	defer close(s.ended)
	var ignored [1]byte
	for {
		_, err := s.conn.Read(ignored[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			u.addError(s, err)
		}
	}
}

// addError records an error of s, and the packets that were refused.
func (u *udpConn) addError(s *udpSocket, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	s.addRefused(s.errors.read())
	if err != nil {
		u.err = err
	}
	if len(s.refused) > 0 || u.err != nil {
		signal(u.changed)
	}
}

// maxRefused is the number of refused packets that a socket keeps for sure. The loop
// writes all packets after the first refused one again, so it needs no more of them.
const maxRefused = 256

// addRefused adds refused packets. If there are already maxRefused, it adds only packets
// that were refused in another way than the last one. The caller holds the lock of the
// udpConn.
func (s *udpSocket) addRefused(refused []refusedPacket) {
	for _, r := range refused {
		if n := len(s.refused); n < maxRefused || !s.refused[n-1].isLike(r) {
			s.refused = append(s.refused, r)
		}
	}
}

// isLike reports whether r and other were refused in the same way.
func (r refusedPacket) isLike(other refusedPacket) bool {
	return r.err == other.err && r.isLoopback == other.isLoopback && r.isNoNeighbor == other.isNoNeighbor && r.mtu == other.mtu
}

func (u *udpConn) write(packet []byte, now time.Time) error {
	_, err := u.socket.out.write(packet, now)
	return err
}

func (u *udpConn) status() connStatus {
	if u.old != nil {
		u.addError(u.old, u.old.errors.pending())
	}
	u.addError(u.socket, u.socket.errors.pending())
	u.mu.Lock()
	defer u.mu.Unlock()
	f := connStatus{err: u.err}
	if u.old != nil {
		f.refused, u.old.refused = u.old.refused, nil
	}
	f.refused = append(f.refused, u.socket.refused...)
	u.socket.refused, u.err = nil, nil
	select {
	case <-u.changed:
	default:
	}
	return f
}

func (u *udpConn) renew() {
	c, err := net.DialUDP(UDP, nil, u.socket.conn.RemoteAddr().(*net.UDPAddr))
	if err != nil {
		return
	}
	if isSelfConnected(c) {
		c.Close()
		return
	}
	u.closeOld()
	u.old, u.socket = u.socket, u.newSocket(c)
}

func (u *udpConn) closeOld() {
	if u.old != nil {
		u.old.close()
		u.old = nil
	}
}

func (u *udpConn) statusChanged() <-chan struct{} { return u.changed }
func (u *udpConn) finish()                        {}

func (u *udpConn) close() {
	u.closeOld()
	u.socket.close()
}

func (s *udpSocket) close() {
	s.conn.Close()
	<-s.ended
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
