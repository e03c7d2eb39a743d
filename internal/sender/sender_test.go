package sender

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// deadline is how long a test waits at most.
const deadline = 10 * time.Second

// packetSize is the size of a packet over UDP.
var packetSize = DatagramSize(UDP)

// listen returns a UDP socket that stands for a server.
func listen(t testing.TB) *net.UDPConn {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// receive returns the next packet that is not an empty probe.
func receive(t testing.TB, conn *net.UDPConn) string {
	t.Helper()
	packet := make([]byte, 64<<10)
	if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := conn.Read(packet)
		if err != nil {
			t.Fatalf("receive a packet: %v", err)
		}
		if n > 0 {
			return string(packet[:n])
		}
	}
}

func startSender(t testing.TB, options Options) (*Sender, *logtest.Buffer) {
	t.Helper()
	orDefault(&options.Network, UDP)
	return startSenderWith(t, options, newPolicy(options.Network))
}

// startSenderWith starts a sender with a policy.
func startSenderWith(t testing.TB, options Options, p policy) (*Sender, *logtest.Buffer) {
	t.Helper()
	log := new(logtest.Buffer)
	options.Logger = slog.New(slog.NewTextHandler(log, nil))
	s, err := newSender(options, p, net.DefaultResolver.LookupNetIP, newDialFunc(options.Network, p))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSender(t, s, 0) })
	return s, log
}

// closeSender closes s and gives it this much time for the lines that wait.
func closeSender(t testing.TB, s *Sender, timeout time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	closed := make(chan struct{})
	go func() {
		s.Close(ctx)
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(deadline):
		t.Fatal("Close does not return")
	}
}

// trusting returns the policy of a network without the time in which a new
// connection is on probation and in doubt.
func trusting(network string) policy {
	p := newPolicy(network)
	p.probation, p.doubt = 0, 0
	return p
}

func send(t testing.TB, s *Sender, lines string) {
	t.Helper()
	if err := s.Send([]byte(lines), []int{len(lines)}); err != nil {
		t.Fatalf("Send(%.80q) failed: %v", lines, err)
	}
}

func TestLinesShareAPacketInOrder(t *testing.T) {
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	lines := []string{"a:1|c", "b:0|g\nb:-5|g", "c:3|ms"}
	for _, line := range lines {
		send(t, s, line)
	}
	// The packet leaves without Close.
	if got, want := receive(t, conn), strings.Join(lines, "\n"); got != want {
		t.Errorf("got the packet %q, want %q", got, want)
	}
	send(t, s, "d:1|c")
	if got := receive(t, conn); got != "d:1|c" {
		t.Errorf("got the packet %q, want %q", got, "d:1|c")
	}
}

func TestSendKeepsNoReferenceToItsLines(t *testing.T) {
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	lines := []byte("a:1|c")
	if err := s.Send(lines, []int{len(lines)}); err != nil {
		t.Fatal(err)
	}
	copy(lines, "XXXXX")
	if got := receive(t, conn); got != "a:1|c" {
		t.Errorf("got %q", got)
	}
}

func TestCloseSendsWhatWasAccepted(t *testing.T) {
	conn := listen(t)
	s, log := startSender(t, Options{Address: conn.LocalAddr().String()})
	var want []string
	for i := range 100 { // several packets
		want = append(want, fmt.Sprintf("some.rather.long.metric.name.%d:1|c", i))
		send(t, s, want[i])
	}
	closeSender(t, s, deadline)
	var got []string
	for len(got) < len(want) {
		got = append(got, strings.Split(receive(t, conn), "\n")...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := s.Send([]byte("late:1|c"), []int{8}); !errors.Is(err, ErrClosed) {
		t.Errorf("Send after Close: %v, want %v", err, ErrClosed)
	}
	closeSender(t, s, 0) // again
	if log.String() != "" {
		t.Errorf("unexpected log: %s", log)
	}
}

func TestEachLineOfManySendersArrivesOnceAndInItsOrder(t *testing.T) {
	const senders, lines = 8, 500
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	var group sync.WaitGroup
	for i := range senders {
		group.Go(func() {
			for j := range lines {
				send(t, s, fmt.Sprintf("s%d:%d|c", i, j))
			}
		})
	}
	next := make([]int, senders)
	for got := 0; got < senders*lines; {
		for line := range strings.SplitSeq(receive(t, conn), "\n") {
			var i, j int
			if _, err := fmt.Sscanf(line, "s%d:%d|c", &i, &j); err != nil {
				t.Fatalf("got the line %q: %v", line, err)
			}
			if j != next[i] {
				t.Fatalf("sender %d: got line %d, want %d", i, j, next[i])
			}
			next[i]++
			got++
		}
	}
	group.Wait()
}

func TestCloseWaitsForNoNameThatNothingWaitsFor(t *testing.T) {
	s, log := startSender(t, Options{Address: "nohost.invalid:8125"})
	closeSender(t, s, time.Hour)
	if strings.Contains(log.String(), "lost") {
		t.Errorf("unexpected log: %s", log)
	}
}

func TestLossesAreSummedUpInTheLog(t *testing.T) {
	log := new(logtest.Buffer)
	l := lossLog{log: slog.New(slog.NewTextHandler(log, nil))}
	for range 1000 {
		l.add("too bad", 3)
	}
	if got := strings.Count(log.String(), "\n"); got != 1 {
		t.Errorf("%d entries for 1,000 losses within a second, want 1", got)
	}
	l.flush()
	if !strings.Contains(log.String(), "count=2997") {
		t.Errorf("the sum of the losses is not logged: %s", log)
	}
}
