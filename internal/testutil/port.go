package testutil

import (
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
)

// FreePort returns ports of this range. Linux gives other ports, above these, to
// clients and to servers that ask for any port, so that no other program takes a
// port between FreePort and its use.
const (
	firstPort = 20000
	lastPort  = 32000
)

var nextPort atomic.Uint32

func init() {
	nextPort.Store(rand.Uint32N(lastPort - firstPort))
}

// closeOutsideFork closes a socket while the test starts no other program. A child
// process has copies of all sockets until it executes its program, and a copy keeps
// the port in use.
func closeOutsideFork(c io.Closer) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	c.Close()
}

// FreePort returns a port that is free for both TCP and UDP on 127.0.0.1. It is for
// programs that cannot pick a port themselves.
func FreePort(t testing.TB) string {
	t.Helper()
	for range lastPort - firstPort {
		port := strconv.Itoa(firstPort + int(nextPort.Add(1)%(lastPort-firstPort)))
		address := net.JoinHostPort("127.0.0.1", port)
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		closeOutsideFork(tcp)
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		closeOutsideFork(udp)
		return port
	}
	t.Fatalf("no port from %d to %d is free", firstPort, lastPort)
	return ""
}
