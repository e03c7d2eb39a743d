package auth

import (
	"bytes"
	"hash/maphash"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Bounds of the cache: the number of tokens, and the bytes that they take. The
// least recently used tokens are removed first.
const (
	maxCachedTokens = 1 << 14
	maxCachedBytes  = 8 << 20
)

// cacheEntry is a token with a good signature and good claims. It is still
// bound to its validity.
type cacheEntry struct {
	token    []byte
	validity validity
	grant    *Grant
}

// size returns about how many bytes e takes, including its place in the cache.
func (e *cacheEntry) size() int {
	const fixed = 256
	return fixed + len(e.token) + e.grant.size()
}

// cache keeps verified tokens. It is safe for concurrent use.
//
// The key of an entry is a hash of its token with a secret seed. A lookup
// compares the whole token, so two tokens with the same hash only replace each
// other.
type cache struct {
	seed maphash.Seed

	mu    sync.Mutex // protects the fields below
	lru   *simplelru.LRU[uint64, *cacheEntry]
	bytes int // sum of the entries' sizes
}

func newCache() *cache {
	c := &cache{seed: maphash.MakeSeed()}
	lru, err := simplelru.NewLRU(maxCachedTokens, func(_ uint64, e *cacheEntry) { c.bytes -= e.size() })
	if err != nil {
		panic(err) // only for a size below 1
	}
	c.lru = lru
	return c
}

// get returns the entry of token, or nil if there is none. It does not keep
// token.
func (c *cache) get(token []byte) *cacheEntry {
	hash := maphash.Bytes(c.seed, token)
	c.mu.Lock()
	e, ok := c.lru.Get(hash)
	c.mu.Unlock()
	if !ok || !bytes.Equal(e.token, token) {
		return nil
	}
	return e
}

// add adds e. The caller must not change e afterwards.
func (c *cache) add(e *cacheEntry) {
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

// remove removes the entry of token.
func (c *cache) remove(token []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(maphash.Bytes(c.seed, token))
}
