package limit

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// TagKeys bounds the number of distinct tag keys of a process. Some servers keep
// memory for every key that they have ever seen, so a key is never forgotten. It is
// safe for concurrent use. Admit takes a lock only to add a key.
type TagKeys struct {
	// slots is a hash table with open addressing. A slot changes once, from nil to
	// a key. More than half of the slots stay nil, so that every search ends.
	slots []atomic.Pointer[string]

	adding sync.Mutex   // held while a key is added
	known  atomic.Int64 // changed while adding is held
	max    int64
}

// NewTagKeys returns a TagKeys that admits up to max distinct keys. max is at least
// 1.
func NewTagKeys(max int) *TagKeys {
	return &TagKeys{slots: make([]atomic.Pointer[string], 2*max+1), max: int64(max)}
}

// Admit reports whether the key is known, or becomes known because there is room for
// it. It copies a new key and allocates nothing for known keys.
func (t *TagKeys) Admit(key []byte) bool {
	if _, isKnown := t.find(key); isKnown {
		return true
	}
	if t.known.Load() == t.max {
		return false
	}
	t.adding.Lock()
	defer t.adding.Unlock()
	// Another goroutine may have added this key, or another one to the slot.
	slot, isKnown := t.find(key)
	if isKnown {
		return true
	}
	if t.known.Load() == t.max {
		return false
	}
	text := string(key)
	slot.Store(&text)
	t.known.Add(1)
	return true
}

// Len returns the number of known keys.
func (t *TagKeys) Len() int { return int(t.known.Load()) }

// find returns the slot of a key, or the empty slot for it.
func (t *TagKeys) find(key []byte) (slot *atomic.Pointer[string], isKnown bool) {
	i := int(maphash.Bytes(seed, key) % uint64(len(t.slots)))
	for {
		slot = &t.slots[i]
		known := slot.Load()
		if known == nil {
			return slot, false
		}
		if *known == string(key) {
			return slot, true
		}
		if i++; i == len(t.slots) {
			i = 0
		}
	}
}
