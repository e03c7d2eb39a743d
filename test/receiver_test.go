package test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"statsd-http-proxy/test/harness"
)

// receiver is a StatsD that only remembers the lines it was sent.
type receiver struct {
	conn net.PacketConn
	port string

	mu    sync.Mutex
	lines []string
	marks int
}

func startReceiver(t testing.TB) *receiver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.UDPConn).SetReadBuffer(4 << 20) // as much as the system allows
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{conn: conn, port: port}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.run()
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return r
}

func (r *receiver) run() {
	datagram := make([]byte, 64<<10)
	for {
		n, _, err := r.conn.ReadFrom(datagram)
		if err != nil {
			return
		}
		r.mu.Lock()
		r.lines = append(r.lines, strings.Split(string(datagram[:n]), "\n")...)
		r.mu.Unlock()
	}
}

// received returns the lines so far.
func (r *receiver) received() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// waitFor waits until line has arrived.
func (r *receiver) waitFor(t testing.TB, line string) {
	t.Helper()
	harness.Eventually(t, fmt.Sprintf("the line %q", line), func() bool {
		return slices.Contains(r.received(), line)
	})
}

// all returns every line of the datagrams that were sent before the call, also
// those which the system still holds: it sends a mark after them and waits for
// it.
func (r *receiver) all(t testing.TB) []string {
	t.Helper()
	conn, err := net.Dial("udp", r.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.marks++
	mark := fmt.Sprintf("mark %d", r.marks)
	if _, err := conn.Write([]byte(mark)); err != nil {
		t.Fatal(err)
	}
	r.waitFor(t, mark)
	return slices.DeleteFunc(r.received(), func(line string) bool { return strings.HasPrefix(line, "mark ") })
}
