package limit

import (
	"math/bits"
	"sync"
)

// seriesShard is a part of the known series: a hash table with open addressing
// and linear probing. A word of the table is 0 for an empty slot, else
//
//	bits 63 … 2  hash of the series; all in one shard have the same top bits
//	bit       1  1 (usedBit)
//	bit       0  parity of the epoch when the series was last seen (parityBit)
//
// Two epochs are enough to tell apart, because older series are removed.
type seriesShard struct {
	mu        sync.Mutex // protects the fields below
	table     []uint64
	shardBits uint   // number of top bits that all hashes share
	epoch     int    // the current epoch
	swept     int    // the epoch of the last sweep
	seen      [2]int // number of series last seen in the current and the previous epoch, by parity
}

const (
	usedBit   = 1 << 1
	parityBit = 1 << 0
)

// admit records that a series is seen in this epoch, if the series is known or if this
// shard and owner, to which it belongs, have room for a new one. isNew reports whether
// the series was unknown.
func (s *seriesShard) admit(hash uint64, owner *Series) (admitted, isNew bool) {
	parity := uint64(s.epoch & 1)
	word := hash&^parityBit | usedBit | parity
	slot := s.find(word)
	old := s.table[slot]
	switch {
	case old == word:
		return true, false
	case old != 0:
		s.seen[old&parityBit]--
	case s.isFull() || !owner.reserve():
		return false, false
	}
	s.table[slot] = word
	s.seen[parity]++
	return true, old == 0
}

// forget removes a series and reports whether the shard had it. The series after
// it, up to the next empty slot, move to where find looks for them now.
func (s *seriesShard) forget(hash uint64) bool {
	slot := s.find(hash | usedBit)
	old := s.table[slot]
	if old == 0 {
		return false
	}
	s.seen[old&parityBit]--
	s.table[slot] = 0
	for i := s.after(slot); s.table[i] != 0; i = s.after(i) {
		word := s.table[i]
		s.table[i] = 0
		s.table[s.find(word)] = word
	}
	return true
}

// after returns the slot after slot. The first slot comes after the last one.
func (s *seriesShard) after(slot int) int {
	if slot++; slot == len(s.table) {
		return 0
	}
	return slot
}

// isFull reports whether only one slot is empty. find needs that slot to end its
// search. With random hashes, Series reaches its maximum long before.
func (s *seriesShard) isFull() bool { return s.seen[0]+s.seen[1] >= len(s.table)-1 }

// find returns the slot of a series, or the empty slot for it if the table does
// not contain it.
func (s *seriesShard) find(word uint64) int {
	home, _ := bits.Mul64(word&^(usedBit|parityBit)<<s.shardBits, uint64(len(s.table)))
	for i := int(home); ; i++ {
		if i == len(s.table) {
			i = 0
		}
		if s.table[i] == 0 || s.table[i]&^parityBit == word&^parityBit {
			return i
		}
	}
}

// startEpoch begins an epoch and returns the number of series that are no longer known.
// They remain in the table until sweep.
func (s *seriesShard) startEpoch(epoch int) (forgotten int) {
	for s.epoch++; ; s.epoch++ {
		forgotten += s.seen[s.epoch&1]
		s.seen[s.epoch&1] = 0
		if s.epoch == epoch {
			return forgotten
		}
	}
}

// sweep removes the series that are no longer known from the table, unless that was
// done in this epoch.
func (s *seriesShard) sweep() {
	switch s.epoch - s.swept {
	case 0:
		return
	case 1:
		s.remove(uint64(s.epoch & 1)) // series of two epochs ago
	default:
		clear(s.table)
	}
	s.swept = s.epoch
}

// remove removes the series last seen in epochs of the given parity. It starts
// at an empty slot and reinserts each series that stays. Its new slot is the old
// one or an earlier one, so remove visits no series twice.
func (s *seriesShard) remove(parity uint64) {
	start := 0
	for s.table[start] != 0 { // isFull guarantees an empty slot
		start++
	}
	for n := range s.table {
		i := start + n
		if i >= len(s.table) {
			i -= len(s.table)
		}
		word := s.table[i]
		if word == 0 {
			continue
		}
		s.table[i] = 0
		if word&parityBit != parity {
			s.table[s.find(word)] = word
		}
	}
}
