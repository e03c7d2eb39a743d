package sender

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a fake StatsD. It listens, keeps the lines that it receives, and can
// be stopped and started again at its address.
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

// newServer returns a server with an address of its own. It is not started.
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
				// It still reads what is on its way.
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

// halt stops the server and returns when it has read everything.
func (s *server) halt() {
	s.stop()
	s.stop = nil
	s.group.Wait()
}

func (s *server) readDatagrams(conn net.PacketConn) {
	packet := make([]byte, 64<<10)
	for {
		n, _, err := conn.ReadFrom(packet)
		if err != nil {
			return
		}
		if n > 0 { // a probe is empty
			s.note(strings.Split(string(packet[:n]), "\n")...)
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

// wait waits until there are n lines, and returns them.
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
