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
)

// errorQueue reads the error queue of a UDP socket: the packets that were refused, each
// with its error. See IP_RECVERR in ip(7).
type errorQueue struct {
	raw       syscall.RawConn
	local     netip.Addr       // the socket's own address
	get       func(fd uintptr) // sets socketErr
	socketErr int              // SO_ERROR of the socket, 0 for none
}

func newErrorQueue(conn *net.UDPConn) *errorQueue {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &errorQueue{} // closed
	}
	q := &errorQueue{raw: raw, local: conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()}
	q.get = func(fd uintptr) {
		q.socketErr, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	}
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

// pending returns and clears the pending error of the socket.
func (q *errorQueue) pending() error {
	if q.raw == nil {
		return net.ErrClosed
	}
	if err := q.raw.Control(q.get); err != nil {
		return err
	}
	if q.socketErr != 0 {
		return syscall.Errno(q.socketErr)
	}
	return nil
}

// read returns packets that were refused, in order: up to maxRefused. There may be more.
func (q *errorQueue) read() []refusedPacket {
	if q.raw == nil {
		return nil
	}
	var all []refusedPacket
	_ = q.raw.Control(func(fd uintptr) {
		var buffer, control []byte
		for len(all) < maxRefused {
			if buffer == nil {
				buffer, control = make([]byte, 2048), make([]byte, 256) // ICMPv6 quotes up to 1,280 bytes
			}
			n, c, _, _, err := unix.Recvmsg(int(fd), buffer, control, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			r := q.parse(control[:c])
			r.quoted = slices.Clone(buffer[:n])
			all = append(all, r)
		}
	})
	return all
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

	unacked    int   // from SIOCOUTQ
	unackedErr error // of SIOCOUTQ
	socketErr  int   // SO_ERROR of the socket, 0 for none
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
		c.socketErr, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		c.unacked, c.unackedErr = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(stallTimeout.Milliseconds()))
	})
	return c
}

// unacknowledged returns the number of bytes that the peer has not acknowledged yet
// (SIOCOUTQ in tcp(7)), and the error that ended the connection, if any.
func (c *unackedCounter) unacknowledged() (int, error) {
	if c.raw == nil {
		return 0, net.ErrClosed
	}
	if err := c.raw.Control(c.get); err != nil {
		return 0, err
	}
	if c.socketErr != 0 {
		return c.unacked, syscall.Errno(c.socketErr)
	}
	return c.unacked, c.unackedErr
}
