package limit

import (
	"math/bits"
	"sync"
)

// seriesShard is a part of the series: a hash table with open addressing. A
// word of it is 0 where a slot is empty, else
//
//	bit  63 … 2  hash of the series, of which all in a shard share the top bits
//	          1  1
//	          0  whether it was last seen in an odd epoch
type seriesShard struct {
	mu        sync.Mutex
	table     []uint64
	shardBits uint
	epoch     int
	swept     int    // the epoch when forgotten series were removed last
	seen      [2]int // series last seen in this epoch and in the one before, by epoch&1
}

const (
	taken   = 1 << 1
	oddSeen = 1 << 0
)

// admit notes that a series is seen in this epoch, if it is known or among all
// there is room for one more.
func (s *seriesShard) admit(hash uint64, all *Series) (isAdmitted, isNew bool) {
	now := uint64(s.epoch & 1)
	word := hash&^oddSeen | taken | now
	slot := s.find(word)
	old := s.table[slot]
	switch {
	case old == word:
		return true, false
	case old != 0:
		s.seen[old&oddSeen]--
	case s.isFull() || !all.enter():
		return false, false
	}
	s.table[slot] = word
	s.seen[now]++
	return true, old == 0
}

// forget removes a series and reports whether it was there. The series after it, up
// to the next empty slot, move to where find looks for them now.
func (s *seriesShard) forget(hash uint64) bool {
	slot := s.find(hash | taken)
	old := s.table[slot]
	if old == 0 {
		return false
	}
	s.seen[old&oddSeen]--
	s.table[slot] = 0
	for i := s.after(slot); s.table[i] != 0; i = s.after(i) {
		word := s.table[i]
		s.table[i] = 0
		s.table[s.find(word)] = word
	}
	return true
}

// after returns the slot after another one; the first slot comes after the last one.
func (s *seriesShard) after(slot int) int {
	if slot++; slot == len(s.table) {
		return 0
	}
	return slot
}

// isFull tells whether only the one slot is empty that find needs to come to
// an end. It takes hashes that are far from random.
func (s *seriesShard) isFull() bool { return s.seen[0]+s.seen[1] >= len(s.table)-1 }

// find returns the slot of a series, or the empty one to put it in.
func (s *seriesShard) find(word uint64) int {
	home, _ := bits.Mul64(word&^(taken|oddSeen)<<s.shardBits, uint64(len(s.table)))
	for i := int(home); ; i++ {
		if i == len(s.table) {
			i = 0
		}
		if s.table[i] == 0 || s.table[i]&^oddSeen == word&^oddSeen {
			return i
		}
	}
}

// turn begins an epoch and returns how many series are forgotten by it. They
// stay in the table until sweep.
func (s *seriesShard) turn(epoch int) (forgotten int) {
	for s.epoch++; ; s.epoch++ {
		forgotten += s.seen[s.epoch&1]
		s.seen[s.epoch&1] = 0
		if s.epoch == epoch {
			return forgotten
		}
	}
}

// sweep removes the series that turn has forgotten since the last sweep.
func (s *seriesShard) sweep() {
	switch s.epoch - s.swept {
	case 0:
		return
	case 1:
		s.remove(uint64(s.epoch & 1)) // of two epochs ago
	default:
		clear(s.table)
	}
	s.swept = s.epoch
}

// remove removes the series last seen in epochs of the given parity. It begins
// behind an empty slot and puts each series that stays where it would be now,
// which is no further on than where it was.
func (s *seriesShard) remove(parity uint64) {
	first := 0
	for s.table[first] != 0 { // there is one: isFull keeps it
		first++
	}
	for n := range s.table {
		i := first + n
		if i >= len(s.table) {
			i -= len(s.table)
		}
		word := s.table[i]
		if word == 0 {
			continue
		}
		s.table[i] = 0
		if word&oddSeen != parity {
			s.table[s.find(word)] = word
		}
	}
}
