package sender

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"statsd-http-proxy/internal/socket"
)

// errorQueue reads the error queue of a UDP socket: the packets that were refused, each
// with its error. See IP_RECVERR in ip(7).
type errorQueue struct {
	raw   syscall.RawConn
	local netip.Addr // the socket's own address

	getError  func(fd uintptr) // sets socketErr
	socketErr syscall.Errno    // the pending error of the socket, 0 for none

	readAll         func(fd uintptr) // sets refused
	refused         []refusedPacket
	buffer, control []byte
}

func newErrorQueue(conn *net.UDPConn) *errorQueue {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &errorQueue{} // closed
	}
	q := &errorQueue{
		raw:     raw,
		local:   conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(),
		buffer:  make([]byte, 2048), // ICMPv6 quotes up to 1,280 bytes
		control: make([]byte, 256),
	}
	q.getError = func(fd uintptr) { q.socketErr = socket.PendingError(fd) }
	q.readAll = q.readRefused
	_ = raw.Control(func(fd uintptr) {
		// One of the two calls fails: that of the other address family. If both
		// fail, refused packets are not identified and not sent again.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		// Ask for the interface on which each refusal arrives.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		// Let routers fragment packets that are too long for the path.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	})
	return q
}

// pending returns and clears the pending error of the socket. One goroutine may call it at
// a time.
func (q *errorQueue) pending() error {
	if q.raw == nil {
		return net.ErrClosed
	}
	if err := q.raw.Control(q.getError); err != nil {
		return err
	}
	if q.socketErr != 0 {
		return q.socketErr
	}
	return nil
}

// read returns packets that were refused, in order: up to maxRefused. There may be more.
// One goroutine may call it at a time.
func (q *errorQueue) read() []refusedPacket {
	if q.raw == nil {
		return nil
	}
	q.refused = nil
	_ = q.raw.Control(q.readAll) // an error means that the socket is closed
	return q.refused
}

func (q *errorQueue) readRefused(fd uintptr) {
	for len(q.refused) < maxRefused {
		n, c, err := socket.ReceiveRefused(fd, q.buffer, q.control)
		if err != nil {
			return
		}
		r := q.parse(q.control[:c])
		r.quoted = slices.Clone(q.buffer[:n])
		q.refused = append(q.refused, r)
	}
}

// loopback is the index of the loopback interface. Linux limits the rate of ICMP
// messages, see icmp_ratelimit in icmp(7), but not on this interface.
const loopback = 1

// parse parses the control messages of a refused packet.
func (q *errorQueue) parse(control []byte) (r refusedPacket) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return r
	}
	for _, m := range messages {
		switch [2]int32{m.Header.Level, m.Header.Type} {
		case [2]int32{unix.IPPROTO_IP, unix.IP_RECVERR}:
			q.parseError(m.Data, 4, 4, &r)
		case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_RECVERR}:
			q.parseError(m.Data, 8, 16, &r)
		case [2]int32{unix.IPPROTO_IP, unix.IP_PKTINFO}: // in_pktinfo: the index is first
			r.isLoopback = len(m.Data) >= 4 && binary.NativeEndian.Uint32(m.Data) == loopback
		case [2]int32{unix.IPPROTO_IPV6, unix.IPV6_PKTINFO}: // in6_pktinfo: an address is first
			r.isLoopback = len(m.Data) >= 20 && binary.NativeEndian.Uint32(m.Data[16:]) == loopback
		}
	}
	return r
}

// parseError parses a sock_extended_err. A sockaddr of the host that refused the
// packet follows it; the address has size bytes and begins at offset.
func (q *errorQueue) parseError(data []byte, offset, size int, r *refusedPacket) {
	const header = int(unsafe.Sizeof(unix.SockExtendedErr{}))
	if len(data) < header+offset+size {
		return
	}
	r.err = syscall.Errno(binary.NativeEndian.Uint32(data))
	origin, kind, code := data[4], data[5], data[6]
	offender, _ := netip.AddrFromSlice(data[header+offset : header+offset+size])
	switch {
	case r.err == syscall.EMSGSIZE:
		r.mtu = int(binary.NativeEndian.Uint32(data[8:]))
	case offender.Unmap() != q.local:
	case origin == unix.SO_EE_ORIGIN_ICMP:
		const unreachable, host = 3, 1 // RFC 792
		r.isNoNeighbor = kind == unreachable && code == host
	case origin == unix.SO_EE_ORIGIN_ICMP6:
		const unreachable, address = 1, 3 // RFC 4443, section 3.1
		r.isNoNeighbor = kind == unreachable && code == address
	}
}

// unackedCounter counts the bytes that the peer of a TCP connection has not
// acknowledged.
type unackedCounter struct {
	raw syscall.RawConn
	get func(fd uintptr) // sets the fields below

	unacked    int
	unackedErr error
	socketErr  syscall.Errno // the pending error of the socket, 0 for none
}

// newUnackedCounter returns a counter for conn. It also sets TCP_USER_TIMEOUT: the
// connection breaks if the peer acknowledges no data for stallTimeout, for example
// because its host has vanished.
func newUnackedCounter(conn syscall.Conn, stallTimeout time.Duration) *unackedCounter {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &unackedCounter{} // closed
	}
	c := &unackedCounter{raw: raw}
	c.get = func(fd uintptr) {
		c.socketErr = socket.PendingError(fd)
		c.unacked, c.unackedErr = socket.Unacknowledged(fd)
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(stallTimeout.Milliseconds()))
	})
	return c
}

// unacknowledged returns the number of bytes that the peer has not acknowledged yet, and
// the error that ended the connection, if any.
func (c *unackedCounter) unacknowledged() (int, error) {
	if c.raw == nil {
		return 0, net.ErrClosed
	}
	if err := c.raw.Control(c.get); err != nil {
		return 0, err
	}
	if c.socketErr != 0 {
		return c.unacked, c.socketErr
	}
	return c.unacked, c.unackedErr
}
