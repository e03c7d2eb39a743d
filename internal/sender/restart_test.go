package sender

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// server is a StatsD of the test: it listens, notes the lines that it gets and
// can be stopped and started again at its address.
type server struct {
	t       *testing.T
	network string
	address string
	group   sync.WaitGroup // of the goroutines that read
	stop    func()         // what is open

	mu    sync.Mutex
	lines []string
	got   chan struct{} // holds a token when lines has grown
}

// newServer returns a server that is not started yet, with an address of its
// own.
func newServer(t *testing.T, network string) *server {
	t.Helper()
	s := &server{t: t, network: network, got: make(chan struct{}, 1)}
	switch network {
	case UDP:
		conn := listen(t)
		s.address = conn.LocalAddr().String()
		conn.Close()
	case TCP:
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s.address = l.Addr().String()
		l.Close()
	default:
		s.address = filepath.Join(t.TempDir(), "statsd.sock")
	}
	t.Cleanup(func() {
		if s.stop != nil {
			s.halt()
		}
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	switch s.network {
	case UDP, Unixgram:
		os.Remove(s.address)
		conn, err := net.ListenPacket(s.network, s.address)
		if err != nil {
			s.t.Fatal(err)
		}
		s.stop = func() { conn.Close() }
		s.group.Go(func() { s.readDatagrams(conn) })
	default:
		os.Remove(s.address)
		l, err := net.Listen(s.network, s.address)
		if err != nil {
			s.t.Fatal(err)
		}
		var mu sync.Mutex
		var open []net.Conn
		s.stop = func() {
			l.Close()
			mu.Lock()
			defer mu.Unlock()
			for _, conn := range open {
				// In good order: it reads what is on its way.
				_ = conn.(interface{ CloseWrite() error }).CloseWrite()
			}
		}
		s.group.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				mu.Lock()
				open = append(open, conn)
				mu.Unlock()
				s.group.Go(func() { s.readStream(conn) })
			}
		})
	}
}

// halt stops the server and returns when it has read all.
func (s *server) halt() {
	s.stop()
	s.stop = nil
	s.group.Wait()
}

func (s *server) readDatagrams(conn net.PacketConn) {
	datagram := make([]byte, 64<<10)
	for {
		n, _, err := conn.ReadFrom(datagram)
		if err != nil {
			return
		}
		if n > 0 { // a probe is empty
			s.note(strings.Split(string(datagram[:n]), "\n")...)
		}
	}
}

func (s *server) readStream(conn net.Conn) {
	defer conn.Close()
	for reader := bufio.NewReader(conn); ; {
		line, err := reader.ReadString('\n')
		if err != nil {
			if line != "" && err != io.EOF {
				s.t.Logf("the connection broke within the line %q", line)
			}
			return
		}
		s.note(strings.TrimSuffix(line, "\n"))
	}
}

func (s *server) note(lines ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, lines...)
	signal(s.got)
}

// wait returns all lines when there are n of them.
func (s *server) wait(n int) []string {
	s.t.Helper()
	for timeout := time.After(deadline); ; {
		s.mu.Lock()
		lines := slices.Clone(s.lines)
		s.mu.Unlock()
		if len(lines) >= n {
			return lines
		}
		select {
		case <-s.got:
		case <-timeout:
			s.t.Fatalf("got %d lines, want %d", len(lines), n)
		}
	}
}

// waitLog waits until the log has an entry so many times.
func waitLog(t *testing.T, log *logtest.Buffer, entry string, times int) {
	t.Helper()
	waitFor(t, func() bool { return strings.Count(log.String(), entry) >= times },
		func() string { return fmt.Sprintf("the log has %q not %d times: %s", entry, times, log) })
}

// waitFor waits until something is so, or fails with what is not.
func waitFor(t *testing.T, is func() bool, message func() string) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(start) > deadline {
			t.Fatal(message())
		}
	}
}

// TestStatsDRestarts stops StatsD twice while lines are sent: each arrives
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

// waitStill waits until nothing leaves q any more, though it is not empty.
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
	}, func() string { return fmt.Sprintf("the socket took all but %d datagrams", last) })
}

// TestStatsDThatStopsReading has a socket that fills up.
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
