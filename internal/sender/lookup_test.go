package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// names is a fake name server. It returns the addresses that it holds, or an
// error if it holds none.
type names struct {
	addresses atomic.Pointer[[]netip.Addr]
	asked     atomic.Int64
	silent    atomic.Bool // it does not answer
}

func newNames(addresses ...string) *names {
	n := new(names)
	n.set(addresses...)
	return n
}

func (n *names) set(addresses ...string) {
	var parsed []netip.Addr
	for _, a := range addresses {
		parsed = append(parsed, netip.MustParseAddr(a))
	}
	n.addresses.Store(&parsed)
}

func (n *names) lookup(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	n.asked.Add(1)
	if n.silent.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if len(*n.addresses.Load()) == 0 {
		return nil, errors.New("no such host")
	}
	return *n.addresses.Load(), nil
}

// startNamed starts a sender that looks names up at n.
func startNamed(t *testing.T, n *names, options Options) (*Sender, *logtest.Buffer) {
	t.Helper()
	log := new(logtest.Buffer)
	options.Logger = slog.New(slog.NewTextHandler(log, nil))
	orDefault(&options.Network, UDP)
	p := newPolicy(options.Network)
	s, err := newSender(options, p, n.lookup, newDialFunc(options.Network, p))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSender(t, s, 0) })
	return s, log
}

// listenAt returns UDP sockets at several addresses, all with the same port.
func listenAt(t *testing.T, addresses ...string) []*net.UDPConn {
	t.Helper()
	for range 100 {
		var conns []*net.UDPConn
		port := 0
		for _, a := range addresses {
			conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(a), Port: port})
			if err != nil {
				break
			}
			port = conn.LocalAddr().(*net.UDPAddr).Port
			conns = append(conns, conn)
		}
		if len(conns) == len(addresses) {
			t.Cleanup(func() {
				for _, conn := range conns {
					conn.Close()
				}
			})
			return conns
		}
		for _, conn := range conns {
			conn.Close()
		}
	}
	t.Fatalf("no port is free at all of %v", addresses)
	return nil
}

func portOf(conn *net.UDPConn) int { return conn.LocalAddr().(*net.UDPAddr).Port }

func TestStatsDThatMovesIsFollowed(t *testing.T) {
	t.Parallel()
	conns := listenAt(t, "127.0.0.1", "127.0.0.2", "::1")
	n := newNames("127.0.0.1")
	s, log := startNamed(t, n, Options{
		Address:         fmt.Sprintf("statsd.example:%d", portOf(conns[0])),
		ResolveInterval: lookupPause,
	})
	send(t, s, "first:1|c")
	if got := receive(t, conns[0]); got != "first:1|c" {
		t.Errorf("got %q", got)
	}
	// The address in use stays if it is still one of them.
	n.set("127.0.0.2", "127.0.0.1")
	asked := n.asked.Load()
	waitFor(t, func() bool { return n.asked.Load() > asked+1 }, func() string { return "the name is not looked up" })
	send(t, s, "same:1|c")
	if got := receive(t, conns[0]); got != "same:1|c" {
		t.Errorf("got %q", got)
	}
	n.set() // the name server has lost it
	waitLog(t, log, "cannot look up statsd, its last address stays in use", 1)
	send(t, s, "lost:1|c")
	if got := receive(t, conns[0]); got != "lost:1|c" {
		t.Errorf("got %q", got)
	}
	for i, address := range []string{"127.0.0.2", "::1"} {
		n.set(address)
		waitLog(t, log, "statsd has moved", i+1)
		line := fmt.Sprintf("moved%d:1|c", i)
		send(t, s, line)
		if got := receive(t, conns[i+1]); got != line {
			t.Errorf("got %q", got)
		}
	}
}

// TestStatsDThatRefusesIsLookedUpAtOnce has StatsD move. The sender looks the name
// up when the old address refuses a packet, long before the interval is over.
func TestStatsDThatRefusesIsLookedUpAtOnce(t *testing.T) {
	t.Parallel()
	conns := listenAt(t, "127.0.0.1", "127.0.0.2")
	n := newNames("127.0.0.1")
	s, _ := startNamed(t, n, Options{
		Address:         fmt.Sprintf("statsd.example:%d", portOf(conns[0])),
		ResolveInterval: time.Hour,
	})
	send(t, s, "first:1|c")
	receive(t, conns[0])
	conns[0].Close()
	n.set("127.0.0.2")
	send(t, s, "second:1|c")
	if got := receive(t, conns[1]); got != "second:1|c" {
		t.Errorf("got %q", got)
	}
}

// TestOtherAddressIsTriedWhenOneRefuses has a name with an IPv6 and an IPv4
// address, such as localhost, and a StatsD that listens to IPv4 only.
func TestOtherAddressIsTriedWhenOneRefuses(t *testing.T) {
	t.Parallel()
	conn := listen(t)
	s, _ := startNamed(t, newNames("::1", "127.0.0.1"), Options{Address: fmt.Sprintf("statsd.example:%d", portOf(conn))})
	send(t, s, "first:1|c")
	if got := receive(t, conn); got != "first:1|c" {
		t.Errorf("got %q", got)
	}
}

func TestNameThatAppearsLate(t *testing.T) {
	t.Parallel()
	conn := listen(t)
	n := newNames()
	s, log := startNamed(t, n, Options{Address: fmt.Sprintf("statsd.example:%d", portOf(conn))})
	var want []string
	for i := range 1000 {
		want = append(want, fmt.Sprintf("some.rather.long.metric.name.%d:1|c", i))
		send(t, s, want[i])
	}
	waitLog(t, log, "cannot find statsd", 1)
	n.set("127.0.0.1")
	var got []string
	for len(got) < len(want) {
		got = append(got, strings.Split(receive(t, conn), "\n")...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %d lines, want %d", len(got), len(want))
	}
}

// TestSlowLookupDelaysNothing has a name server stop answering.
func TestSlowLookupDelaysNothing(t *testing.T) {
	t.Parallel()
	conn := listen(t)
	n := newNames("127.0.0.1")
	s, _ := startNamed(t, n, Options{
		Address:         fmt.Sprintf("statsd.example:%d", portOf(conn)),
		ResolveInterval: lookupPause,
	})
	send(t, s, "first:1|c")
	receive(t, conn)
	n.silent.Store(true)
	asked := n.asked.Load()
	waitFor(t, func() bool { return n.asked.Load() > asked }, func() string { return "the name is not looked up" })
	send(t, s, "second:1|c")
	if got := receive(t, conn); got != "second:1|c" {
		t.Errorf("got %q", got)
	}
	closeSender(t, s, deadline) // does not wait for the answer either
}

func TestBadAddressIsRefused(t *testing.T) {
	if s, err := New(Options{Address: "127.0.0.1"}); err == nil {
		closeSender(t, s, 0)
		t.Error("an address without a port is accepted")
	}
}

// TestNameThatAppearsBeforeStatsD checks that the log says how long StatsD was
// away.
func TestNameThatAppearsBeforeStatsD(t *testing.T) {
	t.Parallel()
	statsd := newServer(t, TCP)
	_, port, err := net.SplitHostPort(statsd.address)
	if err != nil {
		t.Fatal(err)
	}
	n := newNames()
	_, log := startNamed(t, n, Options{Network: TCP, Address: "statsd.example:" + port})
	waitLog(t, log, "cannot find statsd", 1)
	n.set("127.0.0.1")
	waitLog(t, log, "statsd is away", 1)
	statsd.start()
	waitLog(t, log, "statsd is back", 1)
	_, after, _ := strings.Cut(log.String(), "after=")
	after, _, _ = strings.Cut(after, " ")
	if d, err := time.ParseDuration(after); err != nil || d > deadline {
		t.Errorf("StatsD was away for %s: %s", after, log)
	}
}
