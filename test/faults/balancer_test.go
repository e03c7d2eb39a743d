//go:build linux

package faults

import (
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// balancer accepts TCP connections and connects each to a StatsD, as HAProxy
// does. If that is away, it tries again, and closes the connection in the end.
type balancer struct {
	listener net.Listener
	server   string
	retries  int // after the first attempt to connect, one a second

	running sync.WaitGroup
	mu      sync.Mutex
	open    map[net.Conn]bool
	stopped chan struct{}
}

// startBalancer starts a balancer at an address of its own.
func startBalancer(t testing.TB, server string, retries int) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", testutil.FreePort(t)))
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{listener: listener, server: server, retries: retries, open: map[net.Conn]bool{}, stopped: make(chan struct{})}
	b.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			b.running.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() {
		close(b.stopped)
		listener.Close()
		b.mu.Lock()
		for conn := range b.open {
			conn.Close()
		}
		b.mu.Unlock()
		b.running.Wait()
	})
	return b
}

// track notes an open connection, and drop closes it.
func (b *balancer) track(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open[conn] = true
}

func (b *balancer) drop(conn net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.open, conn)
	conn.Close()
}

// waitClosed waits until no connection is open.
func (b *balancer) waitClosed(t testing.TB) {
	t.Helper()
	testutil.Eventually(t, "the balancer to close its connections", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.open) == 0
	})
}

func (b *balancer) serve(client net.Conn) {
	b.track(client)
	defer b.drop(client)
	for i := 0; ; i++ {
		server, err := net.Dial("tcp", b.server)
		if err == nil {
			b.track(server)
			b.running.Go(func() {
				_, _ = io.Copy(io.Discard, server) // until StatsD closes it
				b.drop(client)
			})
			_, _ = io.Copy(server, client)
			b.drop(server)
			return
		}
		if i == b.retries {
			return
		}
		select {
		case <-time.After(time.Second):
		case <-b.stopped:
			return
		}
	}
}

// TestBalancer has a balancer between the proxy and a StatsD that is away for 8
// of 20 seconds, or at the start. The balancer accepts each connection, and its
// kernel acknowledges what is written to it.
func TestBalancer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ retries, from, to int }{
		{0, 6000, 14_000},
		{3, 6000, 14_000},
		{0, 0, 6000},
		{3, 0, 6000},
	} {
		what := fmt.Sprintf("a balancer that tries %d times, from %d on", test.retries+1, test.from)
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := newStatsD(t, "tcp")
			b := startBalancer(t, s.address, test.retries)
			if test.from > 0 {
				s.start(t)
			}
			front := &statsd{network: "tcp", address: b.listener.Addr().String()}
			proxy := startProxy(t, front)
			l := &load{metrics: 20_000, rate: 1000, batch: 2, clients: 2}
			l.start(t, proxy)
			if test.from > 0 {
				l.reach(t, test.from)
				thaw := freeze(t, proxy.Process)
				s.end(t)
				b.waitClosed(t) // what it reads for a StatsD that is away is lost to every sender
				thaw()
			}
			l.reach(t, test.to)
			s.start(t)
			l.check(t, what, proxy, s)
		})
	}
}

// TestServerAcceptsAndCloses has something at StatsD's address that accepts and
// closes each connection, while many lines wait.
func TestServerAcceptsAndCloses(t *testing.T) {
	t.Parallel()
	s := newStatsD(t, "tcp")
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conn.Close()
		}
	})
	proxy := startProxy(t, s)
	l := &load{metrics: 300_000, rate: 50_000, batch: 100, clients: 4}
	l.start(t, proxy)
	l.reach(t, l.metrics)
	syscall.ForkLock.RLock() // a program that is just being started has the listener, too
	listener.Close()
	syscall.ForkLock.RUnlock()
	accepting.Wait()
	s.start(t)
	l.check(t, "a server that accepts and closes", proxy, s)
}

// TestNameHasManyAddresses has StatsD listen at the last of thirty addresses.
func TestNameHasManyAddresses(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			names := newNameServer(t, "")
			var hosts []string
			for i := range 30 {
				hosts = append(hosts, fmt.Sprintf("127.0.1.%d", i+1))
			}
			s := newStatsD(t, network).at(t, hosts[len(hosts)-1])
			s.start(t)
			names.set(t, hosts...)
			proxy := startNamedProxy(t, names, s)
			l := &load{metrics: 3000, rate: 1000, batch: 2, clients: 2}
			l.start(t, proxy)
			l.check(t, network+" with thirty addresses", proxy, s)
		})
	}
}
