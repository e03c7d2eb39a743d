package sender

import (
	"net"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// errorQueue reads the errors of a UDP socket and the datagrams that they are
// about, see IP_RECVERR in ip(7).
type errorQueue struct {
	raw  syscall.RawConn
	read func(fd uintptr) // puts the pending error into code
	code int
}

func newErrorQueue(conn *net.UDPConn) *errorQueue {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &errorQueue{} // closed
	}
	q := &errorQueue{raw: raw}
	q.read = func(fd uintptr) {
		q.code, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
	}
	_ = raw.Control(func(fd uintptr) {
		// One of them fails, that of the other family. Without either a refusal
		// tells of no datagram, and none is sent again.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
		// Routers may cut datagrams in pieces rather than refuse them for their
		// size.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT)
	})
	return q
}

// pending returns the error of the socket that was not reported yet.
func (q *errorQueue) pending() error {
	if q.raw == nil {
		return net.ErrClosed
	}
	if err := q.raw.Control(q.read); err != nil {
		return err
	}
	if q.code != 0 {
		return syscall.Errno(q.code)
	}
	return nil
}

// maxQuoted is how many datagrams are read that came back; those behind the
// first one are sent again in any case.
const maxQuoted = 4096

// quoted returns the beginnings of the datagrams that came back, in order.
func (q *errorQueue) quoted() [][]byte {
	var all [][]byte
	_ = q.raw.Control(func(fd uintptr) {
		buffer := make([]byte, 2048) // ICMPv6 quotes up to 1,280 bytes
		for len(all) < maxQuoted {
			n, _, _, _, err := unix.Recvmsg(int(fd), buffer, nil, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
			if err != nil {
				return
			}
			all = append(all, slices.Clone(buffer[:n]))
		}
	})
	return all
}

// streamTimeout is how long a TCP peer may leave data unacknowledged before the
// connection counts as broken: so a host that vanishes is noticed.
const streamTimeout = 30_000 // milliseconds

// counter counts what the peer of a TCP connection has not acknowledged.
type counter struct {
	raw     syscall.RawConn
	read    func(fd uintptr) // puts what it finds into the fields below
	n, code int
	err     error
}

// newCounter returns a counter for conn, and bounds how much it may count for
// how long.
func newCounter(conn syscall.Conn) *counter {
	raw, err := conn.SyscallConn()
	if err != nil {
		return &counter{} // closed
	}
	c := &counter{raw: raw}
	c.read = func(fd uintptr) {
		c.code, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		c.n, c.err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, streamTimeout)
	})
	return c
}

// unacknowledged returns how many bytes the peer has not acknowledged yet, and
// the error that has ended the connection. See SIOCOUTQ in tcp(7).
func (c *counter) unacknowledged() (int, error) {
	if c.raw == nil {
		return 0, net.ErrClosed
	}
	if err := c.raw.Control(c.read); err != nil {
		return 0, err
	}
	if c.code != 0 {
		return c.n, syscall.Errno(c.code)
	}
	return c.n, c.err
}
