package limit

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// Series guards how many distinct series there are: sets of a name and tags.
// A series is known while it was seen in this minute or the one before. Known
// ones always go on; a new one is let in while fewer than the limit are known.
// So an established page goes on while a script that makes up names fills what
// is left.
//
// It takes 12 bytes a series, all of them at the start, for hashes of 62 bits:
// with a million known, one new series in 4,000,000,000,000 passes for known.
type Series struct {
	start time.Time
	max   int64

	minute atomic.Int64 // of the latest time given
	epoch  int          // counts the minutes in which there was use; behind turning
	known  atomic.Int64 // series known in all shards

	turning sync.Mutex
	shards  []seriesShard
	shift   uint // of a hash, to the number of its shard
}

// seriesShards is how many parts a large table has: each has a lock, and is
// rid of old series at its first use in a minute, which takes that request
// less the more parts there are. shardSeries is how many series a part has
// room for at least, so that chance does not fill one before the others.
const (
	seriesShards = 256
	shardSeries  = 4096
)

// NewSeries returns a Series that knows up to max series, at least 1.
func NewSeries(max int) *Series {
	s := &Series{start: time.Now(), max: int64(max)}
	n := 1
	for n < seriesShards && max/n >= 2*shardSeries {
		n *= 2
	}
	s.shards = make([]seriesShard, n)
	shardBits := uint(bits.TrailingZeros(uint(n)))
	s.shift = 64 - shardBits
	for i := range s.shards {
		s.shards[i].shardBits = shardBits
		// Two thirds full at most, or nearly so: linear probing is fast up to
		// there.
		s.shards[i].table = make([]uint64, (max+n-1)/n*3/2+1)
	}
	return s
}

// HashSeries returns the hash of a series, a name and its tags as they are
// written. Nobody outside the process can find two that hash alike.
func HashSeries(name, tags []byte) uint64 {
	return maphash.Bytes(seed, name) + bits.RotateLeft64(maphash.Bytes(seed, tags), 32)
}

// Admit reports whether the series with the given hash may be written at the time
// now, and if so notes that it was. isNew reports whether it was not in use before.
// Time that goes back by a minute is taken for the latest given; by more, for a
// minute that has passed.
func (s *Series) Admit(hash uint64, now time.Time) (isAdmitted, isNew bool) {
	if minute := int64(now.Sub(s.start) / time.Minute); minute != s.minute.Load() {
		s.turn(minute)
	}
	shard := &s.shards[hash>>s.shift]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.sweep()
	return shard.admit(hash, s)
}

// Forget makes room for another series again: it removes one for which Admit has
// returned isNew.
func (s *Series) Forget(hash uint64) {
	shard := &s.shards[hash>>s.shift]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.sweep()
	if shard.forget(hash) {
		s.known.Add(-1)
	}
}

// turn begins a minute. What is forgotten no longer counts when it returns;
// that takes microseconds, since the shards are swept later.
func (s *Series) turn(minute int64) {
	s.turning.Lock()
	defer s.turning.Unlock()
	passed := minute - s.minute.Load()
	switch {
	case passed == 0 || passed == -1: // another goroutine was here, or read the clock later
		return
	case passed > 1:
		s.epoch++ // the minute before saw nothing
	}
	s.epoch++
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		s.known.Add(-int64(shard.turn(s.epoch)))
		shard.mu.Unlock()
	}
	s.minute.Store(minute)
}

// enter counts one more series, unless there are as many as may be.
func (s *Series) enter() bool {
	for {
		n := s.known.Load()
		if n >= s.max {
			return false
		}
		if s.known.CompareAndSwap(n, n+1) {
			return true
		}
	}
}
