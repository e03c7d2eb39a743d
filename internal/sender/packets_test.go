package sender

import (
	"testing"
	"time"
)

// TestPacketListStaysSmall has many packets come and go.
func TestPacketListStaysSmall(t *testing.T) {
	var f packetList
	for i := range 10_000 {
		f.add(10, 1)
		f.add(20, 2)
		f.markWritten(time.Unix(1, 0))
		f.markWritten(time.Unix(1, 0))
		if f.writtenBytes != 30 || f.waitingBytes != 0 {
			t.Fatalf("%d and %d bytes, want 30 and 0", f.writtenBytes, f.waitingBytes)
		}
		if bytes, lines := f.confirm(2); bytes != 30 || lines != 3 {
			t.Fatalf("confirmed %d bytes and %d lines, want 30 and 3", bytes, lines)
		}
		if got, want := f.firstSeq(), uint64(2*i+2); got != want || f.nextSeq() != want {
			t.Fatalf("the next packet has number %d, want %d", got, want)
		}
	}
	if n := len(f.list); n > 4 {
		t.Errorf("%d packets are in memory, want a few", n)
	}
	// A part that is removed is not worth the copy until it is most of them.
	for range 10 {
		f.add(10, 1)
		f.markWritten(time.Unix(1, 0))
	}
	before := len(f.list)
	f.confirm(3)
	if len(f.list) != before {
		t.Errorf("%d packets were moved to remove 3 of %d", len(f.list), before)
	}
}

func TestPacketListRewinds(t *testing.T) {
	for seq, want := range []int{5, 4, 3, 2, 1, 0, 0} {
		var f packetList
		for range 5 {
			f.add(10, 1)
			f.markWritten(time.Unix(1, 0))
		}
		f.rewind(uint64(seq))
		if len(f.waiting()) != want || f.waitingBytes != 10*want || f.writtenBytes != 50-10*want {
			t.Errorf("from %d: %d wait, %d and %d bytes", seq, len(f.waiting()), f.waitingBytes, f.writtenBytes)
		}
	}
}
