package sender

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRefusalsOfThisHostAreKnown writes to a port of this host where nobody
// listens, and to one where somebody does.
func TestRefusalsOfThisHostAreKnown(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux returns packets")
	}
	for _, host := range []string{"127.0.0.1", "::1"} {
		listener, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.ParseIP(host)})
		if err != nil {
			t.Fatal(err)
		}
		dial := newDialFunc(UDP, newPolicy(UDP))
		c, isSelfConnect, err := dial(t.Context(), listener.LocalAddr().String())
		if err != nil || isSelfConnect {
			t.Fatalf("%s: got %v, %v", host, isSelfConnect, err)
		}
		defer c.close()
		if err := c.write([]byte("a:1|c"), time.Now()); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, listener); got != "a:1|c" {
			t.Fatalf("got %q", got)
		}
		if f := c.status(); f.err != nil || len(f.refused) > 0 {
			t.Errorf("%s: a server that listens: got %+v", host, f)
		}
		listener.Close()
		if err := c.write([]byte("b:1|c"), time.Now()); err != nil {
			t.Fatal(err)
		}
		var all []refusedPacket
		waitFor(t, func() bool {
			select {
			case <-c.statusChanged():
			default:
			}
			all = append(all, c.status().refused...)
			return len(all) > 0
		}, func() string { return host + ": nothing came back" })
		if r := all[0]; string(r.quoted) != "b:1|c" || r.err != syscall.ECONNREFUSED || !r.isLoopback || r.isNoNeighbor {
			t.Errorf("%s: got %+v", host, r)
		}
	}
}

// TestRenewedSocketReportsRefusalsOfBoth writes before and after a renewal.
func TestRenewedSocketReportsRefusalsOfBoth(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux returns packets")
	}
	listener, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := newDialFunc(UDP, newPolicy(UDP))(t.Context(), listener.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	write := func(line string) {
		t.Helper()
		if err := c.write([]byte(line), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	source := func() string {
		t.Helper()
		if err := listener.SetReadDeadline(time.Now().Add(deadline)); err != nil {
			t.Fatal(err)
		}
		_, from, err := listener.ReadFrom(make([]byte, 100))
		if err != nil {
			t.Fatal(err)
		}
		return from.String()
	}
	write("a:1|c")
	before := source()
	c.(renewer).renew()
	write("b:1|c")
	if after := source(); after == before {
		t.Errorf("the port before and after a renewal is %s", after)
	}
	u := c.(*udpConn)
	old := u.old
	listener.Close()
	if _, err := old.conn.Write([]byte("c:1|c")); err != nil { // stands for a packet that was under way
		t.Fatal(err)
	}
	write("d:1|c")
	var got []string
	waitFor(t, func() bool {
		for _, r := range c.status().refused {
			got = append(got, string(r.quoted))
		}
		return len(got) == 2
	}, func() string { return fmt.Sprintf("only %q came back", got) })
	if slices.Sort(got); !slices.Equal(got, []string{"c:1|c", "d:1|c"}) {
		t.Errorf("got %q, want c and d", got)
	}
	c.(renewer).closeOld()
	c.(renewer).closeOld() // does nothing
	if _, err := old.conn.Write(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the old socket: got %v, want %v", err, net.ErrClosed)
	}
}

// TestStatusLooksAtBothSockets has nothing else read the errors of the sockets: the
// process may have been paused until now.
func TestStatusLooksAtBothSockets(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux returns packets")
	}
	server := listen(t)
	ended := make(chan struct{})
	close(ended)
	socket := func() *udpSocket {
		t.Helper()
		c, err := net.DialUDP(UDP, nil, server.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		return &udpSocket{conn: c, errors: newErrorQueue(c), ended: ended}
	}
	u := &udpConn{old: socket(), socket: socket(), changed: make(chan struct{}, 1)}
	defer u.close()
	server.Close()
	for s, line := range map[*udpSocket]string{u.old: "a:1|c", u.socket: "b:1|c"} {
		if _, err := s.conn.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	waitFor(t, func() bool {
		for _, r := range u.status().refused {
			got = append(got, string(r.quoted))
		}
		return len(got) == 2
	}, func() string { return fmt.Sprintf("only %q came back", got) })
	if !slices.Equal(slices.Sorted(slices.Values(got)), []string{"a:1|c", "b:1|c"}) {
		t.Errorf("got %q, want a and b", got)
	}
}

func TestSocketKeepsTheFirstRefusals(t *testing.T) {
	var s udpSocket
	add := func(r refusedPacket, times, want int) {
		t.Helper()
		for range times {
			s.addRefused([]refusedPacket{r, r})
		}
		if got := len(s.refused); got != want {
			t.Errorf("after %+v: got %d refused packets, want %d", r, got, want)
		}
	}
	refused := refusedPacket{err: syscall.ECONNREFUSED}
	add(refused, 10, 20)
	add(refused, 1000, maxRefused)
	for i, r := range []refusedPacket{
		{err: syscall.EHOSTUNREACH},
		{err: syscall.EHOSTUNREACH, isLoopback: true},
		{err: syscall.EHOSTUNREACH, isLoopback: true, isNoNeighbor: true},
		{err: syscall.EMSGSIZE, mtu: 1000},
		{err: syscall.EMSGSIZE, mtu: 999},
	} {
		add(r, 5, maxRefused+i+1)
	}
}

// TestUDPSaysThatPacketsCameBack waits until a connection has news.
func TestUDPSaysThatPacketsCameBack(t *testing.T) {
	address := newServer(t, UDP).address
	c, _, err := newDialFunc(UDP, newPolicy(UDP))(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := c.write([]byte("a:1|c"), time.Now()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.statusChanged():
	case <-time.After(deadline):
		t.Fatal("statusChanged got no element")
	}
}

func TestFirstQuoted(t *testing.T) {
	f := func(written, quoted string, want int) {
		t.Helper()
		var packets []*buffer
		for _, text := range strings.Fields(written) {
			packets = append(packets, &buffer{bytes: []byte(text)})
		}
		var all []refusedPacket
		for _, q := range strings.Fields(quoted) {
			all = append(all, refusedPacket{quoted: []byte(q)})
		}
		if got := firstQuoted(packets, all); got != want {
			t.Errorf("of %.40q were quoted %.40q: got %d, want %d", written, quoted, got, want)
		}
	}
	f("a:1|c b:1|c c:1|c", "", 3)
	f("a:1|c b:1|c c:1|c", "a:1|c", 0)
	f("a:1|c b:1|c c:1|c", "b:1|c", 1)
	f("a:1|c b:1|c c:1|c", "b:1|c c:1|c", 1)
	f("a:1|c b:1|c c:1|c", "x:1|c", 3)
	f("", "a:1|c", 0)
	// Of equal packets it takes the last, each one once.
	f("a:1|c a:1|c a:1|c b:1|c", "a:1|c", 2)
	f("a:1|c a:1|c a:1|c b:1|c", "a:1|c a:1|c", 1)
	f("a:1|c a:1|c a:1|c b:1|c", "a:1|c b:1|c", 2)
	f("a:1|c a:1|c", "a:1|c a:1|c a:1|c", 0)
	// A router quotes the beginning. A short quote does not identify a packet.
	long := strings.Repeat("x", 1000)
	f(fmt.Sprintf("a%s b%s c%s", long, long, long), "b"+long[:minQuoted], 1)
	f(fmt.Sprintf("a%s b%s c%s", long, long, long), "b"+long[:minQuoted-2], 3)
	f("a:1|c b:1|c", "b:1", 2)
}

// TestEmptyPacket writes the packet that only shows whether the server is away.
func TestEmptyPacket(t *testing.T) {
	listener, err := net.ListenUDP(UDP, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	c, _, err := newDialFunc(UDP, newPolicy(UDP))(t.Context(), listener.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	if err := listener.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	var got [10]byte
	for _, packet := range [][]byte{nil, []byte("a:1|c"), {}} {
		if err := c.write(packet, time.Now()); err != nil {
			t.Fatal(err)
		}
		if n, err := listener.Read(got[:]); err != nil || string(got[:n]) != string(packet) {
			t.Errorf("got %q, %v, want %q", got[:n], err, packet)
		}
	}
}
