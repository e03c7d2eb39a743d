package limit

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"sync/atomic"
)

// TagKeys limits the number of distinct tag keys of the process. A key is confirmed
// when a metric with it was sent, and stays confirmed until the process ends. Until
// then it is pending: it takes room, but only as long as a request with it is
// served.
//
// The table is allocated at the start and takes up to 32 bytes for each key. It
// stores hashes of 64 bits. The check of a confirmed key takes no lock.
type TagKeys struct {
	max   int
	shift uint // hash>>shift is the slot where the search begins

	// table holds the hashes of confirmed keys, with open addressing and linear
	// probing; 0 is an empty slot. It is at most half full. confirm writes it under
	// mu.
	table []atomic.Uint64

	mu        sync.Mutex
	confirmed int
	pending   map[uint64]int // how often Reserve was called for each pending key
}

// NewTagKeys returns a TagKeys for up to max keys, at least 1.
func NewTagKeys(max int) *TagKeys {
	sizeBits := bits.Len(uint(2*max - 1))
	return &TagKeys{
		max:     max,
		shift:   uint(64 - sizeBits),
		table:   make([]atomic.Uint64, 1<<sizeBits),
		pending: make(map[uint64]int),
	}
}

// HashTagKey returns the hash of a tag key. It is not 0. Clients cannot construct
// keys with equal hashes.
func HashTagKey(key []byte) uint64 { return maphash.Bytes(seed, key) | 1 }

// IsConfirmed reports whether the key with the given hash is confirmed.
func (t *TagKeys) IsConfirmed(hash uint64) bool { return t.find(hash).Load() == hash }

// find returns the slot of a key, or the empty slot for it.
func (t *TagKeys) find(hash uint64) *atomic.Uint64 {
	for i := hash >> t.shift; ; i++ {
		slot := &t.table[i&uint64(len(t.table)-1)]
		if word := slot.Load(); word == hash || word == 0 {
			return slot
		}
	}
}

// Reserve reports whether a metric may have the key with the given hash. isNew
// reports whether the key is not confirmed yet. If it is new, the caller calls
// Confirm or Release once for this call.
func (t *TagKeys) Reserve(hash uint64) (ok, isNew bool) {
	if t.IsConfirmed(hash) {
		return true, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.IsConfirmed(hash):
		return true, false
	case t.pending[hash] == 0 && t.confirmed+len(t.pending) >= t.max:
		return false, false
	}
	t.pending[hash]++
	return true, true
}

// Confirm records that metrics with the keys were sent.
func (t *TagKeys) Confirm(hashes []uint64) {
	if len(hashes) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, hash := range hashes {
		delete(t.pending, hash)
		if slot := t.find(hash); slot.Load() == 0 {
			slot.Store(hash)
			t.confirmed++
		}
	}
}

// Release gives back the room of keys whose metrics were not sent, unless others
// were sent with them.
func (t *TagKeys) Release(hashes []uint64) {
	if len(hashes) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, hash := range hashes {
		switch n := t.pending[hash]; n {
		case 0: // another request has confirmed it
		case 1:
			delete(t.pending, hash)
		default:
			t.pending[hash] = n - 1
		}
	}
}
