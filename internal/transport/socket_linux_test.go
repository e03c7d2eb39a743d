package transport

import (
	"net"
	"syscall"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// TestFilterDropsHandshakesOnly runs the program of the packet filter for segments with all
// flags.
func TestFilterDropsHandshakesOnly(t *testing.T) {
	var program []bpf.Instruction
	for _, f := range synFilter {
		program = append(program, bpf.RawInstruction{Op: f.Code, Jt: f.Jt, Jf: f.Jf, K: f.K}.Disassemble())
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	const headerBytes, flagsAt, syn = 20, 13, 0x02
	for flags := range 256 {
		segment := make([]byte, headerBytes)
		segment[flagsAt] = byte(flags)
		kept, err := vm.Run(segment)
		if wantDropped := flags&syn != 0; err != nil || (kept == 0) != wantDropped || kept > 0 && kept < 1<<16 {
			t.Errorf("flags %#02x: the filter keeps %d bytes, %v", flags, kept, err)
		}
	}
}

// waitFor waits until a socket has one of events.
func waitFor(t *testing.T, c syscall.Conn, events int16) {
	t.Helper()
	control(c, func(fd int) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
		if n, err := unix.Poll(fds, 10_000); n != 1 {
			t.Fatalf("waiting for the events %#x: got %d, %v", events, n, err)
		}
	})
}

func TestStatesOfSocketsAreSeen(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	l := listener.(*net.TCPListener)
	if hasConnections(l) {
		t.Error("nobody has connected, but there is a connection to accept")
	}
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if waitFor(t, l, unix.POLLIN); !hasConnections(l) {
		t.Error("a client has connected, but there is no connection to accept")
	}
	c, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if hasConnections(l) {
		t.Error("there is still a connection to accept")
	}
	if isGone(c) {
		t.Error("the client is gone")
	}
	client.Close()
	if waitFor(t, c, unix.POLLRDHUP); !isGone(c) {
		t.Error("the client has closed the connection and is not gone")
	}
	c.Close()
	if l.Close(); isGone(c) || hasConnections(l) {
		t.Error("a closed socket has a state")
	}
}
