package limit

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestSeriesAreSpread checks that the series are spread evenly over the slots, so
// that searches are short.
func TestSeriesAreSpread(t *testing.T) {
	s := NewSeries(20_000)
	for range 20_000 {
		s.Admit(rand.Uint64(), s.start)
	}
	for i := range s.shards {
		shard := &s.shards[i]
		halves := [2]int{}
		for slot, word := range shard.table {
			if word != 0 {
				halves[2*slot/len(shard.table)]++
			}
		}
		if min(halves[0], halves[1]) < 9_000/len(s.shards) {
			t.Errorf("the halves of shard %d have %d series", i, halves)
		}
	}
}

func TestForget(t *testing.T) {
	s := NewSeries(2)
	f := func(hash uint64, wantKnown int64) {
		t.Helper()
		s.Remove(hash)
		if known := s.known.Load(); known != wantKnown {
			t.Errorf("after series %d is forgotten, %d series are known, want %d", hash>>60, known, wantKnown)
		}
	}
	const a, b, c = 1 << 60, 2 << 60, 3 << 60
	f(a, 0) // unknown
	s.Admit(a, s.start)
	s.Admit(b, s.start)
	f(c, 2) // unknown
	f(a, 1)
	f(a, 1)
	if ok, _ := s.Admit(c, s.start.Add(time.Minute)); !ok {
		t.Error("a forgotten series takes up room")
	}
	f(b, 1) // last seen in the minute before
	f(c, 0)
}

// TestSlotDoesNotDependOnTheMinute admits one series in several minutes. Its hash is
// just below the start of a slot, so its slot would change with the minute if find used
// usedBit and parityBit.
func TestSlotDoesNotDependOnTheMinute(t *testing.T) {
	s := NewSeries(4)
	if slots := len(s.shards[0].table); slots != 7 {
		t.Fatalf("the table has %d slots, and the hash below is for 7", slots)
	}
	const hash = 1<<64/7 - 1<<64/7%4 // a multiple of 4; slot 1 begins 3 above it
	for minute := range 4 {
		s.Admit(hash, s.start.Add(time.Duration(minute)*time.Minute))
		if known := s.known.Load(); known != 1 {
			t.Errorf("minute %d: %d series are known, want 1", minute, known)
		}
	}
}

func TestNumberOfShards(t *testing.T) {
	f := func(max, want int) {
		t.Helper()
		if got := len(NewSeries(max).shards); got != want {
			t.Errorf("%d series are in %d shards, want %d", max, got, want)
		}
	}
	f(1, 1)
	f(8191, 1)
	f(8192, 2)
	f(16_384, 4)
	f(3_000_000, 256)
}

// TestFullShard fills one shard before the others.
func TestFullShard(t *testing.T) {
	s := NewSeries(10)
	s.shards[0].table = make([]uint64, 4)
	f := func(minutes int, hash uint64, want bool) {
		t.Helper()
		if got, _ := s.Admit(hash<<60, s.start.Add(time.Duration(minutes)*time.Minute)); got != want {
			t.Errorf("series %d in minute %d is admitted: %v, want %v", hash, minutes, got, want)
		}
	}
	f(0, 1, true)
	f(0, 2, true)
	f(0, 3, true)
	f(0, 4, false) // one slot stays empty so that searches end
	f(1, 1, true)
	f(1, 4, false)
	f(2, 4, true)
	f(2, 5, true)
	f(2, 6, false)
}
