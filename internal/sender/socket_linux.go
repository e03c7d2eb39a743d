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

// errorQueue reads the errors of a UDP socket and the packets that they are
// about, see IP_RECVERR in ip(7).
type errorQueue struct {
	raw   syscall.RawConn
	local netip.Addr // of the socket
	get   func(fd uintptr)
	code  int // what get has found
}

func newErrorQueue(conn *net.UDPConn) *errorQueue {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &errorQueue{} // closed
	}
	q := &errorQueue{raw: raw, local: conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()}
	q.get = func(fd uintptr) {
		q.code, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	}
	_ = raw.Control(func(fd uintptr) {
		// One of them fails, that of the other family. Without either a refusal
		// says nothing about packets, and none is sent again.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		// A refusal says through which interface it came.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		// Routers may cut packets in pieces rather than drop them for their size.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	})
	return q
}

// pending returns the error of the socket that no call has returned yet.
func (q *errorQueue) pending() error {
	if q.raw == nil {
		return net.ErrClosed
	}
	if err := q.raw.Control(q.get); err != nil {
		return err
	}
	if q.code != 0 {
		return syscall.Errno(q.code)
	}
	return nil
}

// maxReturned is how many packets are read that came back; those after the
// first one are sent again in any case.
const maxReturned = 4096

// read returns the packets that came back, in order.
func (q *errorQueue) read() []returned {
	if q.raw == nil {
		return nil
	}
	var all []returned
	_ = q.raw.Control(func(fd uintptr) {
		var buffer, control []byte
		for len(all) < maxReturned {
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

// loopback is the index of the loopback interface. Linux limits the rate of
// refusals, see icmp_ratelimit in icmp(7), but not of those that it sends
// through this interface.
const loopback = 1

// parse reads the control messages that say why a packet came back.
func (q *errorQueue) parse(control []byte) (r returned) {
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

// parseError reads a sock_extended_err, after which comes a sockaddr of the host
// that sent the packet back: its address of size bytes is at offset.
func (q *errorQueue) parseError(data []byte, offset, size int, r *returned) {
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

// counter counts the bytes that the peer of a TCP connection has not
// acknowledged.
type counter struct {
	raw     syscall.RawConn
	get     func(fd uintptr) // puts what it finds into the fields below
	n, code int
	err     error
}

// newCounter returns a counter for conn, which breaks if the peer leaves data
// unacknowledged for stallTimeout: so a host that vanishes is noticed.
func newCounter(conn syscall.Conn, stallTimeout time.Duration) *counter {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &counter{} // closed
	}
	c := &counter{raw: raw}
	c.get = func(fd uintptr) {
		c.code, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		c.n, c.err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(stallTimeout.Milliseconds()))
	})
	return c
}

// unacknowledged returns how many bytes the peer has not acknowledged yet, and
// the error that has ended the connection. See SIOCOUTQ in tcp(7).
func (c *counter) unacknowledged() (int, error) {
	if c.raw == nil {
		return 0, net.ErrClosed
	}
	if err := c.raw.Control(c.get); err != nil {
		return 0, err
	}
	if c.code != 0 {
		return c.n, syscall.Errno(c.code)
	}
	return c.n, c.err
}
