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

// deadline bounds every wait of these tests.
const deadline = 10 * time.Second

// datagramSize is that of UDP.
var datagramSize = DatagramSize(UDP)

// listen returns a UDP socket in StatsD's place.
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

// startSenderWith starts a sender with a policy of the test.
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

// closeSender closes s, giving it some time for what waits.
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

func TestLinesShareADatagramInOrder(t *testing.T) {
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	lines := []string{"a:1|c", "b:0|g\nb:-5|g", "c:3|ms"}
	for _, line := range lines {
		send(t, s, line)
	}
	// No Close: the datagram leaves by itself.
	if got, want := receive(t, conn), strings.Join(lines, "\n"); got != want {
		t.Errorf("got the datagram %q, want %q", got, want)
	}
	send(t, s, "d:1|c")
	if got := receive(t, conn); got != "d:1|c" {
		t.Errorf("got the datagram %q, want %q", got, "d:1|c")
	}
}

func TestDatagramsHoldUpTo1432Bytes(t *testing.T) {
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	whole := strings.Repeat("w", datagramSize)
	half := strings.Repeat("h", datagramSize/2)
	rest := strings.Repeat("r", datagramSize-len(half)-1)
	for _, lines := range []string{whole, half, rest, "x"} {
		send(t, s, lines)
	}
	for _, want := range []string{whole, half + "\n" + rest, "x"} {
		if got := receive(t, conn); got != want {
			t.Errorf("got a datagram of %d bytes, %.20q…, want %d, %.20q…", len(got), got, len(want), want)
		}
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

// TestGroupsStayTogether sends a batch of pairs of lines, each of which has to
// arrive in one datagram.
func TestGroupsStayTogether(t *testing.T) {
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	var lines []byte
	var ends []int
	var want []string
	for i := range 1000 {
		pair := fmt.Sprintf("some.gauge.%d:0|g\nsome.gauge.%d:-5|g", i, i)
		want = append(want, strings.Split(pair, "\n")...)
		if i > 0 {
			lines = append(lines, '\n')
		}
		lines = append(lines, pair...)
		ends = append(ends, len(lines))
	}
	if err := s.Send(lines, ends); err != nil {
		t.Fatal(err)
	}
	var got []string
	for len(got) < len(want) {
		datagram := receive(t, conn)
		first, last := strings.Split(datagram, "\n")[0], datagram[strings.LastIndexByte(datagram, '\n')+1:]
		if len(datagram) > datagramSize || !strings.Contains(first, ":0|") || !strings.Contains(last, ":-5|") {
			t.Fatalf("got a datagram of %d bytes from %q to %q", len(datagram), first, last)
		}
		got = append(got, strings.Split(datagram, "\n")...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFullQueueTakesNothingOfABatch has room for some lines, but not for all.
func TestFullQueueTakesNothingOfABatch(t *testing.T) {
	const limit = 10 // datagrams
	s, log := startSender(t, Options{Address: "nohost.invalid:8125", QueueBytes: limit * datagramSize})
	batch := func(groups int) error { // each of which takes a datagram
		group := strings.Repeat("x", datagramSize/2)
		var ends []int
		for i := range groups {
			ends = append(ends, (i+1)*(len(group)+1)-1)
		}
		return s.Send([]byte(strings.Repeat(group+"\n", groups-1)+group), ends)
	}
	if err := batch(limit + 1); !errors.Is(err, ErrTooLarge) {
		t.Errorf("more than the queue holds: %v, want %v", err, ErrTooLarge)
	}
	send(t, s, "a:1|c")
	send(t, s, strings.Repeat("x", datagramSize))
	if err := batch(limit); !errors.Is(err, ErrQueueFull) {
		t.Errorf("as much as the empty queue holds: %v, want %v", err, ErrQueueFull)
	}
	if err := batch(limit - 1); err != nil {
		t.Errorf("as much as it still holds: %v", err)
	}
	closeSender(t, s, time.Millisecond)
	if !strings.Contains(log.String(), "count=11 ") {
		t.Errorf("other than 11 lines were in the queue: %s", log)
	}
}

// TestBurstIsNotHeldInMemory looks at what a sender refers to after a burst.
func TestBurstIsNotHeldInMemory(t *testing.T) {
	t.Parallel()
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	line := strings.Repeat("x", datagramSize)
	for range 2 * maxSpare / datagramSize {
		send(t, s, line)
	}
	closeSender(t, s, deadline)
	for _, packets := range [][]*buffer{s.loop.packets, s.queue.sealed} {
		for _, b := range packets[:cap(packets)] {
			if b != nil {
				t.Fatal("a datagram that was sent is still referred to")
			}
		}
	}
	if len(s.queue.spare) > maxSpare/datagramSize {
		t.Errorf("%d datagrams are kept for reuse, want at most %d", len(s.queue.spare), maxSpare/datagramSize)
	}
}

func TestCloseSendsWhatWasAccepted(t *testing.T) {
	conn := listen(t)
	s, log := startSender(t, Options{Address: conn.LocalAddr().String()})
	var want []string
	for i := range 100 { // several datagrams
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

func TestUnresolvedNameKeepsLinesUntilTheQueueIsFull(t *testing.T) {
	s, log := startSender(t, Options{Address: "nohost.invalid:8125", QueueBytes: 3 * datagramSize})
	line := strings.Repeat("x", datagramSize)
	for range 4 { // three that are full, one that is open
		send(t, s, line)
	}
	if err := s.Send([]byte(line), []int{len(line)}); !errors.Is(err, ErrQueueFull) {
		t.Fatalf("Send into a full queue: %v, want %v", err, ErrQueueFull)
	}
	closeSender(t, s, time.Millisecond)
	if want := `msg="metrics lost" count=4 reason="look up \"nohost.invalid\"`; !strings.Contains(log.String(), want) {
		t.Errorf("the log has no %s: %s", want, log)
	}
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
