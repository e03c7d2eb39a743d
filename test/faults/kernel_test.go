//go:build linux

package faults

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"statsd-http-proxy/internal/testutil"
)

// freeze stops p until the returned function is called.
func freeze(t testing.TB, p *testutil.Process) (thaw func()) {
	t.Helper()
	p.Signal(t, syscall.SIGSTOP)
	testutil.Eventually(t, "the proxy to be frozen", func() bool {
		var state unix.Siginfo
		err := unix.Waitid(unix.P_PID, p.Cmd.Process.Pid, &state, unix.WSTOPPED|unix.WNOHANG, nil)
		if err != nil {
			t.Fatalf("wait for the proxy to be frozen: %v", err)
		}
		return state.Signo == int32(syscall.SIGCHLD) // all its threads stand still
	})
	return func() {
		t.Helper()
		p.Signal(t, syscall.SIGCONT)
	}
}

// control calls f with the descriptor of a socket that is open.
func control(c syscall.Conn, f func(fd int)) {
	raw, err := c.SyscallConn()
	if err == nil {
		_ = raw.Control(func(fd uintptr) { f(int(fd)) })
	}
}

// enlargeBuffer makes room for what a socket receives: 16 MiB if the test is privileged.
// Otherwise the size stays.
func enlargeBuffer(c syscall.Conn) {
	control(c, func(fd int) { _ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) })
}

// isReadable reports whether a socket holds something to read or to accept.
func isReadable(c syscall.Conn) bool {
	polled := []unix.PollFd{{Events: unix.POLLIN}}
	n := 0
	control(c, func(fd int) {
		polled[0].Fd = int32(fd)
		err := error(unix.EINTR)
		for err == unix.EINTR { // the runtime's own signals interrupt it
			n, err = unix.Poll(polled, 0)
		}
	})
	return n > 0
}

// drops returns how many packets a socket had no room for.
func drops(c syscall.Conn) int {
	var info [9]uint32 // include/uapi/linux/sock_diag.h, SK_MEMINFO_VARS
	const skMeminfoDrops = 8
	control(c, func(fd int) {
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
			uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno != 0 {
			panic(fmt.Sprintf("ask a socket for its drops: %v", errno))
		}
	})
	return int(info[skMeminfoDrops])
}

// tcpSocket is a row of a table of TCP sockets.
type tcpSocket struct {
	isLocal     bool // the socket belongs to the server
	isRemote    bool // the socket is connected to the server
	isListening bool
	hasOwner    bool // a program has the socket open
	hasUnread   bool // or, if it listens, has connections to accept
	hasUnsent   bool // or not acknowledged
}

// tcpSockets returns the sockets in the calling thread's network namespace.
func tcpSockets(server string) (sockets []tcpSocket, err error) {
	address, err := netip.ParseAddrPort(server)
	if err != nil {
		return nil, err
	}
	ip := address.Addr().AsSlice()
	table := "/proc/thread-self/net/tcp"
	if address.Addr().Is6() {
		table += "6"
	}
	rows, err := os.ReadFile(table)
	if err != nil {
		return nil, err
	}
	// sl  local_address rem_address   st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode …
	//  0: 0100007F:5BA1 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0   0       4711  …
	// Addresses are words in the processor's byte order.
	var ours strings.Builder
	for word := range slices.Chunk(ip, 4) {
		fmt.Fprintf(&ours, "%08X", binary.NativeEndian.Uint32(word))
	}
	fmt.Fprintf(&ours, ":%04X", address.Port())
	for row := range strings.Lines(string(rows)) {
		fields := strings.Fields(row)
		unsent, unread, _ := strings.Cut(fields[4], ":")
		sockets = append(sockets, tcpSocket{
			isLocal:     fields[1] == ours.String(),
			isRemote:    fields[2] == ours.String(),
			isListening: fields[3] == "0A",
			hasOwner:    fields[9] != "0",
			hasUnread:   unread != "00000000",
			hasUnsent:   unsent != "00000000",
		})
	}
	return sockets, nil
}

// tcpQueuesAreEmpty reports whether all bytes that were written to the connections of a
// server have been read. It looks at the sockets in the calling thread's network
// namespace, at those of clients too. The server sends nothing but the end of a
// connection, so the other queues do not matter.
func tcpQueuesAreEmpty(server string) (bool, error) {
	sockets, err := tcpSockets(server)
	return !slices.ContainsFunc(sockets, func(s tcpSocket) bool {
		return s.isLocal && s.hasUnread || s.isRemote && s.hasUnsent
	}), err
}

// hasNoConnections reports whether a server has closed all its connections.
func hasNoConnections(server string) (bool, error) {
	sockets, err := tcpSockets(server)
	return !slices.ContainsFunc(sockets, func(s tcpSocket) bool {
		return s.isLocal && !s.isListening && s.hasOwner
	}), err
}

// inNamespace calls f in a network namespace that ip netns has made. Sockets that
// f opens belong to it. An empty name means the test's own namespace.
func inNamespace(name string, f func() error) error {
	if name == "" {
		return f()
	}
	there, err := os.Open(filepath.Join("/run/netns", name))
	if err != nil {
		return err
	}
	defer there.Close()
	failed := make(chan error)
	go func() {
		// The thread ends with its goroutine, as it is never unlocked.
		runtime.LockOSThread()
		err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = f()
		}
		failed <- err
	}()
	return <-failed
}
