package transport

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// synFilter is a program for the kernel's packet filter. It drops the segments that
// begin a TCP handshake and accepts all others. The filter of a socket sees segments
// from their TCP header on; its byte 13 holds the flags.
var synFilter = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 13},
	{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, K: 0x02, Jt: 0, Jf: 1}, // SYN
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0xffffffff},
}

// rejectHandshakes makes the kernel begin no more connections for l, as far as it can.
// Clients try again after a second; then l is closed and the kernel refuses them.
// Another process must not use the same socket.
func rejectHandshakes(l *net.TCPListener) {
	control(l, func(fd int) {
		filter := unix.SockFprog{Len: uint16(len(synFilter)), Filter: &synFilter[0]}
		// Without the filter the kernel may reset a connection that begins while l is
		// being closed.
		_ = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &filter)
	})
}

// hasConnections reports whether there are connections to accept.
func hasConnections(l *net.TCPListener) (has bool) {
	control(l, func(fd int) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 0)
		has = err == nil && n > 0
	})
	return has
}

// acknowledge has the kernel acknowledge at once what has arrived on a TCP connection,
// and go on to do so for a while (tcp(7), TCP_QUICKACK).
func acknowledge(fd uintptr) {
	// It fails for other connections, which need no acknowledgement.
	_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
}

// control calls f with the file descriptor of c, unless c is closed.
func control(c syscall.Conn, f func(fd int)) {
	if raw, err := c.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) }) // an error means that c is closed
	}
}

// isGone reports whether the client of a connection has closed it.
func isGone(raw net.Conn) (gone bool) {
	if c, ok := raw.(*net.TCPConn); ok {
		control(c, func(fd int) {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
			n, err := unix.Poll(fds, 0)
			gone = err == nil && n > 0
		})
	}
	return gone
}
