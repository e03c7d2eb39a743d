package statsd

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestReplacedSocketIsFollowed starts a second StatsD at the path of one that
// goes on to read.
func TestReplacedSocketIsFollowed(t *testing.T) {
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
	// It is seen within fileInterval.
	for start := time.Now(); read(replaced, time.Millisecond) == ""; {
		if time.Since(start) > deadline {
			t.Fatal("nothing arrives at the new socket")
		}
		send(t, s, "again:1|c")
		read(old, flushInterval)
	}
}
