package testutil

import (
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// FakeStatsD is a UDP server that keeps the lines that it receives.
type FakeStatsD struct {
	Port string

	conn net.PacketConn

	mu    sync.Mutex
	lines []string
	marks int // lines that All has sent
}

// StartFakeStatsD starts a FakeStatsD on a free port of 127.0.0.1.
func StartFakeStatsD(t testing.TB) *FakeStatsD {
	t.Helper()
	s := new(FakeStatsD)
	s.start(t, s.keep)
	return s
}

// StartSink starts a UDP server on a free port of 127.0.0.1. It drops what it
// receives.
func StartSink(t testing.TB) (port string) {
	t.Helper()
	s := new(FakeStatsD)
	s.start(t, func([]byte) {})
	return s.Port
}

// start reads datagrams until the test ends and gives each to handle.
func (s *FakeStatsD) start(t testing.TB, handle func(datagram []byte)) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.(*net.UDPConn).SetReadBuffer(4 << 20) // the system may allow less
	_, port, err := net.SplitHostPort(conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	s.conn, s.Port = conn, port
	done := make(chan struct{})
	go func() {
		defer close(done)
		datagram := make([]byte, 64<<10)
		for {
			n, _, err := conn.ReadFrom(datagram)
			if err != nil {
				return
			}
			handle(datagram[:n])
		}
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
}

func (s *FakeStatsD) keep(datagram []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, strings.Split(string(datagram), "\n")...)
}

// Received returns a copy of the lines that were read so far.
func (s *FakeStatsD) Received() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// WaitFor waits until line has arrived.
func (s *FakeStatsD) WaitFor(t testing.TB, line string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("the line %q", line), func() bool {
		return slices.Contains(s.Received(), line)
	})
}

// WaitForMatch waits until a line has arrived that matches pattern as a whole.
func (s *FakeStatsD) WaitForMatch(t testing.TB, pattern string) {
	t.Helper()
	whole := regexp.MustCompile("^(?:" + pattern + ")$")
	Eventually(t, "a line like "+pattern, func() bool {
		return slices.ContainsFunc(s.Received(), whole.MatchString)
	})
}

// WaitForCount waits until at least count lines have arrived.
func (s *FakeStatsD) WaitForCount(t testing.TB, count int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%d lines", count), func() bool { return len(s.Received()) >= count })
}

// All returns every line that was sent before the call. To know that it has read
// all of them, it sends a line of its own and waits for that.
func (s *FakeStatsD) All(t testing.TB) []string {
	t.Helper()
	conn, err := net.Dial("udp", s.conn.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.marks++
	mark := fmt.Sprintf("mark %d", s.marks)
	if _, err := conn.Write([]byte(mark)); err != nil {
		t.Fatal(err)
	}
	s.WaitFor(t, mark)
	return slices.DeleteFunc(s.Received(), func(line string) bool { return strings.HasPrefix(line, "mark ") })
}

// MustHaveReceived stops the proxy and fails the test unless exactly the lines want
// have arrived, in this order.
func (s *FakeStatsD) MustHaveReceived(t testing.TB, p *Proxy, want ...string) {
	t.Helper()
	p.Stop(t)
	if got := s.All(t); !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}
