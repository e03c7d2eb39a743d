//go:build linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// statsd is a fake StatsD. It keeps the lines that it receives, and can go away
// and come back at the same address.
type statsd struct {
	network   string // udp, tcp, unixgram or unix
	address   string // host and port, or a path
	namespace string // of the network, empty for the test's own

	resets  bool // it resets TCP connections as it goes away
	unlinks bool // it removes its socket's file as it goes away

	// hasSmallBuffer leaves a UDP socket's buffer at the default size, which shows
	// whether the proxy sends too fast. Otherwise it is large, so that nothing is dropped
	// if a busy machine pauses the test for a while.
	hasSmallBuffer bool

	gate      sync.RWMutex // held for writing, it keeps everything from being read
	paused    bool         // it is held
	listener  listener     // of a stream, nil while StatsD is away
	accepting sync.WaitGroup
	reading   sync.WaitGroup

	mu      sync.Mutex
	sockets map[socket]bool // those that are open
	text    [][]byte        // whole lines, each with its line feed, in the order they came
	lines   int             // in text
	dropped int             // packets that closed sockets had no room for
}

// socket is a socket of package net.
type socket interface {
	syscall.Conn
	Close() error
}

// listener is a net.TCPListener or a net.UnixListener.
type listener interface {
	net.Listener
	socket
	SetDeadline(time.Time) error
}

// newStatsD returns a StatsD with an address of its own. It is not started.
func newStatsD(t testing.TB, network string) *statsd {
	t.Helper()
	s := &statsd{network: network, sockets: map[socket]bool{}}
	switch network {
	case "unix", "unixgram":
		dir, err := os.MkdirTemp("", "faults") // t.TempDir may be too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		s.address = filepath.Join(dir, "statsd.sock")
	default:
		s.address = net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	}
	t.Cleanup(func() { s.close() })
	return s
}

// startStatsD returns a StatsD that is started.
func startStatsD(t testing.TB, network string) *statsd {
	t.Helper()
	s := newStatsD(t, network)
	s.start(t)
	return s
}

// at returns a StatsD like s, but on another host. It is not started.
func (s *statsd) at(t testing.TB, host string) *statsd {
	t.Helper()
	other := &statsd{network: s.network, address: net.JoinHostPort(host, s.port()), sockets: map[socket]bool{}}
	t.Cleanup(func() { other.close() })
	return other
}

// port returns the port of s, whose address is not a path.
func (s *statsd) port() string {
	return s.address[strings.LastIndexByte(s.address, ':')+1:]
}

// options returns the options of a proxy that sends to s.
func (s *statsd) options() []string {
	switch s.network {
	case "unix", "unixgram":
		return []string{"--statsd-network=" + s.network, "--statsd-socket=" + s.address}
	}
	host, port, _ := net.SplitHostPort(s.address)
	options := []string{"--statsd-host=" + host, "--statsd-port=" + port}
	if s.network != "udp" { // the default
		options = append(options, "--statsd-network="+s.network)
	}
	return options
}

// start starts StatsD.
func (s *statsd) start(t testing.TB) {
	t.Helper()
	if err := inNamespace(s.namespace, s.listen); err != nil {
		t.Fatalf("start StatsD: %v", err)
	}
}

func (s *statsd) listen() error {
	ctx := context.Background()
	var config net.ListenConfig
	switch s.network {
	case "unix", "unixgram": // what an earlier one has left
		if err := os.Remove(s.address); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	switch s.network {
	case "udp", "unixgram":
		conn, err := config.ListenPacket(ctx, s.network, s.address)
		if err != nil {
			return err
		}
		if s.network == "udp" && !s.hasSmallBuffer {
			enlargeBuffer(conn.(socket))
		}
		s.add(conn.(socket)) // net.UDPConn and net.UnixConn are that, and a net.Conn
		s.reading.Go(func() { s.readDatagrams(conn.(net.Conn)) })
	default:
		listening, err := config.Listen(ctx, s.network, s.address)
		if err != nil {
			return err
		}
		if unix, ok := listening.(*net.UnixListener); ok {
			unix.SetUnlinkOnClose(false) // close does, if it is asked for
		}
		s.listener = listening.(listener)
		s.add(s.listener)
		s.accepting.Go(func() {
			for s.accept() {
			}
		})
	}
	return nil
}

func (s *statsd) add(c socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sockets[c] = true
}

func (s *statsd) readDatagrams(conn net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		s.await()
		n, err := conn.Read(buffer[:len(buffer)-1])
		if err != nil {
			return
		}
		if n == 0 {
			continue // a probe
		}
		buffer[n] = '\n' // packets have none at the end
		s.keep(buffer[:n+1])
	}
}

// accept accepts one connection and reports whether there may be others.
func (s *statsd) accept() bool {
	conn, err := s.listener.Accept()
	if err != nil {
		return false
	}
	s.add(conn.(socket))
	s.reading.Go(func() { s.readStream(conn) })
	return true
}

// acceptLast accepts the connections that wait, and no later ones.
func (s *statsd) acceptLast(t testing.TB) {
	t.Helper()
	err := s.listener.SetDeadline(time.Unix(1, 0))
	s.accepting.Wait()
	if err == nil {
		err = s.listener.SetDeadline(time.Now().Add(testutil.Patience))
	}
	if err != nil {
		t.Fatalf("accept the last connections: %v", err)
	}
	for isReadable(s.listener) && s.accept() {
	}
}

// readStream reads a connection. As StatsD does, it ignores a last line that has
// no line feed.
func (s *statsd) readStream(conn net.Conn) {
	buffer := make([]byte, 64<<10)
	begun := 0 // bytes of a line that is not whole yet
	for begun < len(buffer) {
		s.await()
		n, err := conn.Read(buffer[begun:])
		whole := bytes.LastIndexByte(buffer[:begun+n], '\n') + 1
		s.keep(buffer[:whole])
		begun = copy(buffer, buffer[whole:begun+n])
		if err != nil {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sockets, conn.(socket))
	conn.Close()
}

// await waits until reading is allowed.
func (s *statsd) await() {
	s.gate.RLock()
	defer s.gate.RUnlock()
}

// pause keeps StatsD from reading until resume or close. A read that has begun
// continues.
func (s *statsd) pause() {
	s.gate.Lock()
	s.paused = true
}

func (s *statsd) resume() {
	if s.paused {
		s.paused = false
		s.gate.Unlock()
	}
}

func (s *statsd) keep(lines []byte) {
	if len(lines) == 0 {
		return
	}
	lines = bytes.Clone(lines)
	count := bytes.Count(lines, []byte("\n"))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, lines)
	s.lines += count
}

// received returns how many lines have come so far.
func (s *statsd) received() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lines
}

// stop makes StatsD go away with nothing unread in its sockets: every sender would
// lose those lines. The proxy is frozen meanwhile, so that nothing is on its way.
func (s *statsd) stop(t testing.TB, proxy *testutil.Proxy) {
	t.Helper()
	thaw := freeze(t, proxy.Process)
	s.end(t)
	thaw()
}

// end closes the sockets of StatsD once it has read everything.
func (s *statsd) end(t testing.TB) {
	t.Helper()
	if s.listener != nil {
		s.acceptLast(t)
	}
	s.waitIdle(t)
	s.close()
}

// waitIdle waits until StatsD has read everything. The proxy is frozen or gone.
func (s *statsd) waitIdle(t testing.TB) {
	t.Helper()
	idle := 0 // looks in a row
	testutil.Eventually(t, "StatsD to have read everything", func() bool {
		if idle++; !s.isIdle(t) {
			idle = 0
		}
		// The kernel may deliver what was sent a little later.
		return idle == 5
	})
}

// isIdle reports whether StatsD has read everything that was sent.
func (s *statsd) isIdle(t testing.TB) bool {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sockets {
		if isReadable(c) {
			return false
		}
	}
	if s.network != "tcp" || len(s.sockets) == 0 {
		return true
	}
	isEmpty := false
	err := inNamespace(s.namespace, func() (err error) {
		isEmpty, err = tcpQueuesAreEmpty(s.address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return isEmpty
}

// close closes the sockets and returns when nothing reads any more. Meanwhile no
// other program is started: until its exec it has copies of our sockets, which
// keep them open.
func (s *statsd) close() {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	s.resume()
	if s.listener != nil {
		s.listener.Close()
		s.accepting.Wait()
		s.listener = nil
	}
	s.mu.Lock()
	for c := range s.sockets {
		if s.network == "udp" {
			s.dropped += drops(c)
		}
		if conn, ok := c.(*net.TCPConn); ok && s.resets {
			_ = conn.SetLinger(0)
		}
		c.Close()
		delete(s.sockets, c)
	}
	s.mu.Unlock()
	s.reading.Wait()
	if s.unlinks {
		_ = os.Remove(s.address) // it may have done so before
	}
}
