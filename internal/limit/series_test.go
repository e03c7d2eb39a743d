package limit

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestAdmit(t *testing.T) {
	f := func(max int) {
		t.Helper()
		s := NewSeries(max)
		hashes := make([]uint64, 2*max)
		for i := range hashes {
			hashes[i] = rand.Uint64()
		}
		admit := func(minute float64, hashes []uint64, want bool) {
			t.Helper()
			now := s.start.Add(time.Duration(minute * float64(time.Minute)))
			for i, hash := range hashes {
				if got, _ := s.Admit(hash, now); got != want {
					t.Fatalf("with the maximum %d, series %d in minute %v is admitted: %v, want %v", max, i, minute, !want, want)
				}
			}
		}
		old, fresh := hashes[:max], hashes[max:]
		admit(0, old, true)
		admit(0.5, fresh, false)
		admit(0.9, old, true)
		admit(1, fresh, false)
		admit(1.9, old[:max/2], true)
		admit(1.9, fresh, false)

		// The other half of old was last seen in minute 0.
		admit(2, fresh[:max-max/2], true)
		admit(2, fresh[max-max/2:], false)
		admit(2, old[:max/2], true)
		admit(2, old[max/2:], false)

		admit(4, old, true) // minute 3 had no calls
		admit(4, fresh, false)
		admit(1000, fresh, true)
		admit(1000, old, false)
	}
	f(1)
	f(2)
	f(10)
	f(1000)
	f(20_000) // in several shards
}

func TestSeriesAndTime(t *testing.T) {
	s := NewSeries(1)
	f := func(minute float64, hash uint64, want bool) {
		t.Helper()
		now := s.start.Add(time.Duration(minute * float64(time.Minute)))
		if got, _ := s.Admit(hash, now); got != want {
			t.Errorf("series %d in minute %v is admitted: %v, want %v", hash>>60, minute, !want, want)
		}
	}
	const a, b = 1 << 60, 2 << 60
	f(10, a, true)
	f(11, b, false)
	f(10.9, b, false) // as from a goroutine with an older time
	f(11, b, false)
	f(10.9, a, true) // counts as minute 11
	f(12, b, false)
	f(13, b, true)

	f(5, a, false) // the clock was set back: a new minute
	f(5, b, true)
	f(6, a, false)
	f(7, a, true)
}

// FuzzAdmit compares Series with a model of two maps. All hashes belong to a few
// slots at both ends of the table.
func FuzzAdmit(f *testing.F) {
	f.Add(uint8(1), []byte("abcabc"))
	f.Add(uint8(5), []byte("abcdefgh\xffabc\xffijklabc\xfe\xffabcdefghijkl"))
	f.Add(uint8(9), []byte("\x00\x40\x80\x41\x3f\x7f\xbf\x01\xff\x40\x02\xff\x80\x41\x03\x04\x05\xff\xff\xff\x40"))
	f.Fuzz(func(t *testing.T, max uint8, steps []byte) {
		compare(t, int(max%16)+1, func(yield func(minutes int, hash uint64) bool) {
			for _, step := range steps {
				minutes, hash := 0, uint64(step>>6)<<62|uint64(step&0x3f)<<2
				if step >= 0xfd {
					minutes = int(step) - 0xfc
				}
				if !yield(minutes, hash) {
					return
				}
			}
		})
	})
}

func TestAdmitAsCounted(t *testing.T) {
	f := func(max, steps, perMinute int) {
		t.Helper()
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		t.Logf("maximum %d, seed %d", max, seed)
		hashes := make([]uint64, 2*max)
		for i := range hashes {
			hashes[i] = random.Uint64()
		}
		compare(t, max, func(yield func(minutes int, hash uint64) bool) {
			for range steps {
				minutes := 0
				if random.IntN(perMinute) == 0 {
					minutes = 1 + random.IntN(8)/7 // seldom two
				}
				// Low indices are frequent, as names of pages are; others are rare.
				if !yield(minutes, hashes[min(random.IntN(len(hashes)), random.IntN(len(hashes)))]) {
					return
				}
			}
		})
	}
	f(1, 10_000, 5)
	f(10, 50_000, 30)
	f(1000, 200_000, 3000)
	f(17_000, 150_000, 30_000)
}

// compare passes steps to a Series and to a simple model, and compares the
// results. minutes is the time since the step before.
func compare(t *testing.T, max int, steps func(yield func(minutes int, hash uint64) bool)) {
	t.Helper()
	s := NewSeries(max)
	now := s.start
	current, before := map[uint64]bool{}, map[uint64]bool{} // seen in this minute; seen only in the minute before
	n := 0
	for minutes, hash := range steps {
		now = now.Add(time.Duration(minutes) * time.Minute)
		for range minutes {
			current, before = map[uint64]bool{}, current
		}
		isKnown := current[hash] || before[hash]
		want := isKnown || len(current)+len(before) < max
		if want {
			delete(before, hash)
			current[hash] = true
		}
		got, isNew := s.Admit(hash, now)
		if got != want || isNew != (want && !isKnown) {
			t.Fatalf("step %d, maximum %d, %d known: %#x is admitted: %v, new: %v, want %v", n, max, len(current)+len(before), hash, got, isNew, want)
		}
		if isNew && n%5 == 0 {
			s.Remove(hash)
			delete(current, hash)
		}
		if known := int(s.known.Load()); known != len(current)+len(before) {
			t.Fatalf("step %d: %d are known, want %d", n, known, len(current)+len(before))
		}
		n++
	}
}

func TestAdmitInParallel(t *testing.T) {
	const max, goroutines = 20_000, 4
	s := NewSeries(max)
	for minute := range 6 {
		now := s.start.Add(time.Duration(minute) * time.Minute)
		var admitted, known atomic.Int64
		var all sync.WaitGroup
		for g := range goroutines {
			all.Go(func() {
				for i := range uint64(10_000) {
					name := fmt.Appendf(nil, "established %d", i)
					if ok, _ := s.Admit(HashSeries(name, nil), now); ok {
						known.Add(1)
					}
					made := fmt.Appendf(nil, "made up %d %d %d", minute, g, i)
					if minute == 0 {
						continue
					}
					if ok, _ := s.Admit(HashSeries(made, nil), now); ok {
						admitted.Add(1)
					}
				}
			})
		}
		all.Wait()
		if known.Load() != goroutines*10_000 {
			t.Errorf("minute %d: an established series is rejected", minute)
		}
		// Made-up series use up the room in the first minute that has them. Two
		// minutes later they are forgotten.
		if want := int64([]int{0, max / 2, 0, max / 2, 0, max / 2}[minute]); admitted.Load() != want {
			t.Errorf("minute %d: %d made-up series are admitted, want %d", minute, admitted.Load(), want)
		}
	}
}

func TestHashSeries(t *testing.T) {
	seen := map[uint64]string{}
	for _, parts := range [][2]string{
		{"", ""}, {"a", ""}, {"", "a"}, {"a", "a"}, {"b", ""}, {"ab", ""}, {"a", "b"}, {"b", "a"}, {"a", "k=1"}, {"a", "k=2"}, {"ak=1", ""},
		{"a", "k=1,l=2"}, {"a", "l=2,k=1"},
	} {
		hash := HashSeries([]byte(parts[0]), []byte(parts[1]))
		if other, ok := seen[hash]; ok {
			t.Errorf("%q and %s have the same hash", parts, other)
		}
		seen[hash] = fmt.Sprintf("%q", parts)
		if again := HashSeries([]byte(parts[0]), []byte(parts[1])); again != hash {
			t.Errorf("%q has two hashes, %#x and %#x", parts, hash, again)
		}
	}
}
