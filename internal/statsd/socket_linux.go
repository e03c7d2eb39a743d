package statsd

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

// pending returns the error of the socket that was not told yet.
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

// quoted returns the beginnings of the datagrams that came back, in order.
func (q *errorQueue) quoted() [][]byte {
	var all [][]byte
	_ = q.raw.Control(func(fd uintptr) {
		buffer := make([]byte, 2048) // ICMPv6 quotes up to 1,280 bytes
		for len(all) < maxHeld {
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
// connection counts as broken. A host that vanishes is noticed by it.
const streamTimeout = 30_000 // milliseconds

// setStreamTimeout sets it.
func setStreamTimeout(conn syscall.Conn) {
	if raw, err := conn.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, streamTimeout)
		})
	}
}

// unacknowledged returns how many bytes of a TCP connection its peer has not
// acknowledged yet, and the error that has ended the connection. See SIOCOUTQ in
// tcp(7).
func unacknowledged(conn syscall.Conn) (n int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	failure := 0
	controlErr := raw.Control(func(fd uintptr) {
		failure, _ = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		n, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
	})
	switch {
	case controlErr != nil:
		return 0, controlErr
	case failure != 0:
		return n, syscall.Errno(failure)
	}
	return n, err
}
