package auth

import (
	"bytes"
	"hash/maphash"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// How many verified tokens are kept, and how many bytes they may take: those
// that were not used for longest go first.
const (
	maxCached      = 1 << 14
	maxCachedBytes = 8 << 20
)

// cached is a token whose signature and claims are good, for as long as it is
// valid.
type cached struct {
	token    []byte
	validity validity
	grant    *Grant
}

// size returns about how many bytes e takes, with its place in the cache.
func (e *cached) size() int {
	const fixed = 256
	return fixed + len(e.token) + e.grant.size()
}

// cache keeps verified tokens. It is safe for concurrent use.
//
// It finds them by a hash whose seed nobody knows, and compares the whole
// token then: tokens of one hash only displace each other.
type cache struct {
	seed maphash.Seed

	mu    sync.Mutex
	lru   *simplelru.LRU[uint64, *cached]
	bytes int
}

func newCache() *cache {
	c := &cache{seed: maphash.MakeSeed()}
	lru, err := simplelru.NewLRU(maxCached, func(_ uint64, e *cached) { c.bytes -= e.size() })
	if err != nil {
		panic(err) // for a size below 1 alone
	}
	c.lru = lru
	return c
}

// get returns the entry of a token, nil where there is none.
func (c *cache) get(token []byte) *cached {
	hash := maphash.Bytes(c.seed, token)
	c.mu.Lock()
	e, ok := c.lru.Get(hash)
	c.mu.Unlock()
	if !ok || !bytes.Equal(e.token, token) {
		return nil
	}
	return e
}

// add keeps e, which is not changed from now on.
func (c *cache) add(e *cached) {
	hash := maphash.Bytes(c.seed, e.token)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(hash)
	c.bytes += e.size()
	c.lru.Add(hash, e)
	for c.bytes > maxCachedBytes {
		c.lru.RemoveOldest()
	}
}

// remove drops the entry of a token.
func (c *cache) remove(token []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(maphash.Bytes(c.seed, token))
}
