package harness

import (
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
)

// Ports for programs that cannot pick one themselves. They lie below those
// that Linux gives to clients and to servers that ask for any, so that none is
// taken between the look and the use.
const (
	firstPort = 20000
	lastPort  = 32000
)

var nextPort atomic.Uint32

func init() {
	nextPort.Store(rand.Uint32N(lastPort - firstPort))
}

// closeForGood closes a socket when no other program is just being started:
// until that runs it has all our sockets, too, and keeps their ports.
func closeForGood(c io.Closer) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	c.Close()
}

// FreePort returns a port that is free for both TCP and UDP on 127.0.0.1.
func FreePort(t testing.TB) string {
	t.Helper()
	for range lastPort - firstPort {
		port := strconv.Itoa(firstPort + int(nextPort.Add(1)%(lastPort-firstPort)))
		address := net.JoinHostPort("127.0.0.1", port)
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		closeForGood(tcp)
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		closeForGood(udp)
		return port
	}
	t.Fatalf("no port between %d and %d is free", firstPort, lastPort)
	return ""
}
