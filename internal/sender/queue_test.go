package sender

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestPacketsHoldUpTo1432Bytes(t *testing.T) {
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	whole := strings.Repeat("w", packetSize)
	half := strings.Repeat("h", packetSize/2)
	rest := strings.Repeat("r", packetSize-len(half)-1)
	for _, lines := range []string{whole, half, rest, "x"} {
		send(t, s, lines)
	}
	for _, want := range []string{whole, half + "\n" + rest, "x"} {
		if got := receive(t, conn); got != want {
			t.Errorf("got a packet of %d bytes, %.20q…, want %d, %.20q…", len(got), got, len(want), want)
		}
	}
}

// TestGroupsStayTogether sends a batch of pairs of lines. Each pair has to arrive
// in one packet.
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
		packet := receive(t, conn)
		first, last := strings.Split(packet, "\n")[0], packet[strings.LastIndexByte(packet, '\n')+1:]
		if len(packet) > packetSize || !strings.Contains(first, ":0|") || !strings.Contains(last, ":-5|") {
			t.Fatalf("got a packet of %d bytes from %q to %q", len(packet), first, last)
		}
		got = append(got, strings.Split(packet, "\n")...)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestFullQueueRejectsAWholeBatch has room for some lines, but not for all.
func TestFullQueueRejectsAWholeBatch(t *testing.T) {
	const limit = 10 // packets
	s, log := startSender(t, Options{Address: "nohost.invalid:8125", QueueBytes: limit * packetSize})
	batch := func(groups int) error { // each of which fills a packet
		group := strings.Repeat("x", packetSize/2)
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
	send(t, s, strings.Repeat("x", packetSize))
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

// TestBurstIsNotKeptInMemory checks that a sender refers to no packets after a
// burst.
func TestBurstIsNotKeptInMemory(t *testing.T) {
	t.Parallel()
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	line := strings.Repeat("x", packetSize)
	for range 2 * maxSpareBytes / packetSize {
		send(t, s, line)
	}
	closeSender(t, s, deadline)
	for _, packets := range [][]*buffer{s.loop.packets, s.queue.sealed} {
		for _, b := range packets[:cap(packets)] {
			if b != nil {
				t.Fatal("a packet that was sent is still in memory")
			}
		}
	}
	m := &s.queue.memory
	if m.block != nil || len(m.spareBlocks) > 0 || len(m.spare) > maxSpareBuffers {
		t.Errorf("a closed sender keeps the block %v, %d spare blocks and %d buffers", m.block, len(m.spareBlocks), len(m.spare))
	}
}

func TestUnresolvedNameKeepsLinesUntilTheQueueIsFull(t *testing.T) {
	s, log := startSender(t, Options{Address: "nohost.invalid:8125", QueueBytes: 3 * packetSize})
	line := strings.Repeat("x", packetSize)
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

func TestMaxPackets(t *testing.T) {
	f := func(queueBytes, size, want int) {
		t.Helper()
		if got := maxPackets(queueBytes, size); got != want {
			t.Errorf("packets of %d bytes in a queue of %d bytes: got %d, want %d", size, queueBytes, got, want)
		}
	}
	f(1, 1432, 1)
	f(2863, 1432, 1)
	f(2864, 1432, 2)
	f(64<<20, 1432, 64<<20/1432)
	f(64<<20, 1408, 64<<20/1408)
	f(64<<20, 512, 81<<20/(512+352))
	f(100, 5, 20)
}
