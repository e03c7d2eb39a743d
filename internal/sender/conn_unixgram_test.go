package sender

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestReplacedSocketIsFollowed starts a second StatsD at the path of the first,
// which still reads.
func TestReplacedSocketIsFollowed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "statsd.sock")
	bind := func(to string) *net.UnixConn {
		t.Helper()
		conn, err := net.ListenUnixgram(Unixgram, &net.UnixAddr{Name: to, Net: Unixgram})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	read := func(conn *net.UnixConn, wait time.Duration) string {
		t.Helper()
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		datagram := make([]byte, 1<<10)
		n, _ := conn.Read(datagram)
		return string(datagram[:n])
	}
	old := bind(path)
	s, _ := startSender(t, Options{Network: Unixgram, Address: path})
	send(t, s, "first:1|c")
	if got := read(old, deadline); got != "first:1|c" {
		t.Fatalf("got %q", got)
	}
	replaced := bind(path + ".new")
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	// The sender notices it within fileInterval.
	for start := time.Now(); read(replaced, time.Millisecond) == ""; {
		if time.Since(start) > deadline {
			t.Fatal("nothing arrives at the new socket")
		}
		send(t, s, "again:1|c")
		read(old, 25*time.Millisecond)
	}
}

// TestSlowStatsDDoesNotBlockTheLoop has a StatsD read one packet a millisecond.
// Each write waits for it.
func TestSlowStatsDDoesNotBlockTheLoop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "statsd.sock")
	conn, err := net.ListenUnixgram(Unixgram, &net.UnixAddr{Name: path, Net: Unixgram})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const size, count = 1000, 400
	s, _ := startSender(t, Options{Network: Unixgram, Address: path, DatagramBytes: size, QueueBytes: count * size})
	line := strings.Repeat("k", size-len(":1|c")) + ":1|c"
	for s.Send([]byte(line), []int{len(line)}) == nil {
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	datagram := make([]byte, size)
	reads := 0
	read := func(wait time.Duration) error {
		<-tick.C
		if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		_, err := conn.Read(datagram)
		if err == nil {
			reads++
		}
		return err
	}
	for isFull := true; isFull; isFull = s.Send([]byte(line), []int{len(line)}) != nil {
		if err := read(deadline); err != nil {
			t.Fatal(err)
		}
	}
	if reads > count/2 {
		t.Errorf("%d of %d packets are read before there is room for another one", reads, count)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		closeSender(t, s, 0)
	}()
	for isClosed := false; !isClosed; {
		select {
		case <-closed:
			isClosed = true
		default:
			_ = read(time.Millisecond) // the last ones are given up
		}
	}
	if reads >= count {
		t.Errorf("%d packets are read before Close returns", reads)
	}
}
