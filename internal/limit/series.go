package limit

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"
)

// Series limits the number of distinct series. A series is known if it was seen
// in the current minute or in the minute before. Series admits every known
// series, and a new one while fewer than the maximum are known. So the series of
// an established page remain admitted while a script that makes up names uses up
// the rest of the room.
//
// The table is allocated at the start and takes 12 bytes for each series. It
// stores hashes of 62 bits: with a million known series, one new series in
// 4,000,000,000,000 is mistaken for a known one.
type Series struct {
	start time.Time
	max   int64

	minute atomic.Int64 // the current minute, since start
	known  atomic.Int64 // known series in all shards

	minuteMu sync.Mutex // serializes startMinute
	epoch    int        // number of minutes with calls; protected by minuteMu

	shards []seriesShard
	shift  uint // hash>>shift is the index of its shard
}

// Series has up to maxSeriesShards shards, each with its own lock. A shard
// removes old series at its first use in a minute; the more shards there are,
// the less time that takes for a request. A shard has room for at least
// minShardSeries series, so that all shards become full at about the same time.
const (
	maxSeriesShards = 256
	minShardSeries  = 4096
)

// NewSeries returns a Series for up to max known series, at least 1.
func NewSeries(max int) *Series {
	s := &Series{start: time.Now(), max: int64(max)}
	n := 1
	for n < maxSeriesShards && max/n >= 2*minShardSeries {
		n *= 2
	}
	s.shards = make([]seriesShard, n)
	shardBits := uint(bits.TrailingZeros(uint(n)))
	s.shift = 64 - shardBits
	for i := range s.shards {
		s.shards[i].shardBits = shardBits
		// Tables are at most about two thirds full. Linear probing is fast up
		// to that.
		s.shards[i].table = make([]uint64, (max+n-1)/n*3/2+1)
	}
	return s
}

// HashSeries returns the hash of a series for Admit. name and tags are as
// written in the line. Clients cannot construct series with equal hashes.
func HashSeries(name, tags []byte) uint64 {
	return maphash.Bytes(seed, name) + bits.RotateLeft64(maphash.Bytes(seed, tags), 32)
}

// Admit reports whether the series with the given hash can be written at the
// time now, and whether it is new. If it is admitted, Admit records that it was
// seen. If now is up to a minute before an earlier now, the later minute applies.
// If the clock goes back by more, a new minute begins.
func (s *Series) Admit(hash uint64, now time.Time) (admitted, isNew bool) {
	if minute := int64(now.Sub(s.start) / time.Minute); minute != s.minute.Load() {
		s.startMinute(minute)
	}
	shard := &s.shards[hash>>s.shift]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.sweep()
	return shard.admit(hash, s)
}

// Remove removes a series that Admit has reported as new, for example because its
// metric was not sent after all.
func (s *Series) Remove(hash uint64) {
	shard := &s.shards[hash>>s.shift]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.sweep()
	if shard.forget(hash) {
		s.known.Add(-1)
	}
}

// startMinute begins a minute. Afterwards the series that were not seen in the minute
// before are no longer known. It takes microseconds, because the shards remove these
// series from their tables later, in sweep.
func (s *Series) startMinute(minute int64) {
	s.minuteMu.Lock()
	defer s.minuteMu.Unlock()
	passed := minute - s.minute.Load()
	switch {
	case passed == 0 || passed == -1: // another goroutine has begun this minute or the next one
		return
	case passed > 1: // no series was seen in the minute before
		s.epoch++
	}
	s.epoch++
	for i := range s.shards {
		shard := &s.shards[i]
		shard.mu.Lock()
		s.known.Add(-int64(shard.startEpoch(s.epoch)))
		shard.mu.Unlock()
	}
	s.minute.Store(minute)
}

// reserve counts one more known series and reports true, unless the maximum is
// reached.
func (s *Series) reserve() bool {
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
