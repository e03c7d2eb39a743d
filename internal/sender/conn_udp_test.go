package sender

import (
	"fmt"
	"net"
	"runtime"
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
		c, isSelf, err := dial(t.Context(), listener.LocalAddr().String())
		if err != nil || isSelf {
			t.Fatalf("%s: got %v, %v", host, isSelf, err)
		}
		defer c.close()
		if err := c.write([]byte("a:1|c"), time.Now()); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, listener); got != "a:1|c" {
			t.Fatalf("got %q", got)
		}
		if f := c.facts(); f.err != nil || len(f.returned) > 0 {
			t.Errorf("%s: a server that listens: got %+v", host, f)
		}
		listener.Close()
		if err := c.write([]byte("b:1|c"), time.Now()); err != nil {
			t.Fatal(err)
		}
		var all []returned
		waitFor(t, func() bool {
			select {
			case <-c.news():
			default:
			}
			all = append(all, c.facts().returned...)
			return len(all) > 0
		}, func() string { return host + ": nothing came back" })
		if r := all[0]; string(r.quoted) != "b:1|c" || r.err != syscall.ECONNREFUSED || !r.isLoopback || r.isNoNeighbor {
			t.Errorf("%s: got %+v", host, r)
		}
	}
}

// TestUDPSaysThatPacketsCameBack waits for the news of a connection.
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
	case <-c.news():
	case <-time.After(deadline):
		t.Fatal("there are no news")
	}
}

func TestFirstQuoted(t *testing.T) {
	f := func(written, quoted string, want int) {
		t.Helper()
		var packets []*buffer
		for _, text := range strings.Fields(written) {
			packets = append(packets, &buffer{bytes: []byte(text)})
		}
		var all []returned
		for _, q := range strings.Fields(quoted) {
			all = append(all, returned{quoted: []byte(q)})
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
