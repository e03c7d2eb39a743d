package sender

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// waitLog waits until the log has this many entries.
func waitLog(t *testing.T, log *logtest.Buffer, entry string, times int) {
	t.Helper()
	waitFor(t, func() bool { return strings.Count(log.String(), entry) >= times },
		func() string { return fmt.Sprintf("the log has %q not %d times: %s", entry, times, log) })
}

// waitFor waits until is returns true, or fails with a message.
func waitFor(t *testing.T, is func() bool, message func() string) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(start) > deadline {
			t.Fatal(message())
		}
	}
}

// TestStatsDRestarts stops StatsD twice while lines are sent. Each line arrives
// once, in order.
func TestStatsDRestarts(t *testing.T) {
	for _, network := range []string{UDP, TCP, Unixgram, Unix} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			statsd := newServer(t, network)
			s, log := startSender(t, Options{Network: network, Address: statsd.address})
			var want []string
			more := func(n int) {
				for range n {
					line := fmt.Sprintf("some.rather.long.metric.name.%d:1|c", len(want))
					want = append(want, line)
					send(t, s, line)
				}
			}
			more(100)
			waitLog(t, log, `msg="statsd is away, metrics wait"`, 1)
			more(1000)
			statsd.start()
			statsd.wait(len(want))
			more(10)
			statsd.wait(len(want))
			waitLog(t, log, `msg="statsd is back"`, 1)

			statsd.halt()
			more(10)
			waitLog(t, log, `msg="statsd is away, metrics wait"`, 2)
			more(1000)
			statsd.start()
			more(10)
			statsd.wait(len(want))
			closeSender(t, s, deadline)
			if got := statsd.wait(len(want)); !slices.Equal(got, want) {
				for i := range min(len(got), len(want)) {
					if got[i] != want[i] {
						t.Fatalf("%d lines, line %d is %q, want %d lines and %q", len(got), i, got[i], len(want), want[i])
					}
				}
				t.Fatalf("got %d lines, want %d", len(got), len(want))
			}
			if strings.Contains(log.String(), "lost") {
				t.Errorf("unexpected log: %s", log)
			}
		})
	}
}

// waitStill waits until no more packets leave q, and some wait in it.
func waitStill(t *testing.T, q *queue) {
	t.Helper()
	last, since := -1, time.Now()
	waitFor(t, func() bool {
		q.mu.Lock()
		waiting := q.unsent + len(q.sealed)
		q.mu.Unlock()
		if waiting != last {
			last, since = waiting, time.Now()
		}
		return waiting > 0 && time.Since(since) > 5*writeTimeout
	}, func() string { return fmt.Sprintf("the socket took all but %d packets", last) })
}

// TestStatsDThatStopsReading has the server read only when its socket is full.
func TestStatsDThatStopsReading(t *testing.T) {
	f := func(network string, accept func(address string) net.Conn) {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			address := filepath.Join(t.TempDir(), "statsd.sock")
			if network == TCP {
				address = newServer(t, TCP).address
			}
			connected := make(chan net.Conn, 1)
			go func() { connected <- accept(address) }()
			s, log := startSenderWith(t, Options{Network: network, Address: address}, trusting(network))
			const lines = 2000
			line := strings.Repeat("x", 8000)
			for i := range lines { // 16 MB
				send(t, s, fmt.Sprintf("%04d%s", i, line))
			}
			conn := <-connected
			if conn == nil {
				t.Fatal("nobody connects")
			}
			defer conn.Close()
			waitStill(t, s.queue)
			if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
				t.Fatal(err)
			}
			read := bufio.NewReaderSize(conn, 64<<10)
			for i := range lines {
				text := make([]byte, 4+len(line))
				if _, err := io.ReadFull(read, text); err != nil {
					t.Fatalf("line %d: %v; log: %s", i, err, log)
				}
				if network != Unixgram {
					_, _ = read.ReadByte()
				}
				if got := string(text[:4]); got != fmt.Sprintf("%04d", i) {
					t.Fatalf("got line %s at %d", got, i)
				}
			}
		})
	}
	accept := func(network string) func(string) net.Conn {
		return func(address string) net.Conn {
			l, err := net.Listen(network, address)
			if err != nil {
				return nil
			}
			defer l.Close()
			if unix, ok := l.(*net.UnixListener); ok {
				unix.SetUnlinkOnClose(false) // the sender looks at the file after it has connected
			}
			conn, _ := l.Accept()
			return conn
		}
	}
	f(TCP, accept(TCP))
	f(Unix, accept(Unix))
	f(Unixgram, func(address string) net.Conn {
		conn, err := net.ListenUnixgram(Unixgram, &net.UnixAddr{Name: address, Net: Unixgram})
		if err != nil {
			return nil
		}
		return conn
	})
}
