package auth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"statsd-http-proxy/internal/metric"

	"github.com/golang-jwt/jwt/v5"
)

func TestACachedTokenEndsInTime(t *testing.T) {
	v := newTestVerifier(t, Options{Leeway: DefaultLeeway})
	clock := now
	v.now = func() time.Time { return clock }
	token := []byte(sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"nbf": now.Unix(), "exp": now.Add(time.Minute).Unix()}))
	f := func(at time.Duration, want error) {
		t.Helper()
		clock = now.Add(at)
		for range 2 {
			if _, err := v.Verify(token); !errors.Is(err, want) {
				t.Errorf("after %s: %v, want %v", at, err, want)
			}
		}
	}
	f(-6*time.Second, errTooEarly)
	f(-5*time.Second, nil)
	f(0, nil)
	f(time.Minute-1, nil)
	f(time.Minute, errExpired)
	f(time.Hour, errExpired)
	f(0, nil) // the clock goes back
	f(-6*time.Second, errTooEarly)
	f(-5*time.Second, nil)
}

func TestOnlyGoodTokensAreCached(t *testing.T) {
	v := newTestVerifier(t, Options{Issuer: "login"})
	claims := jwt.MapClaims{"iss": "login"}
	good := []byte(sign(t, jwt.SigningMethodHS256, []byte(secret), claims))
	for _, bad := range [][]byte{
		{}, []byte("x"), good[:len(good)-1],
		[]byte(sign(t, jwt.SigningMethodHS256, []byte("other"), claims)),
		[]byte(sign(t, jwt.SigningMethodHS256, []byte(secret), nil)),
		[]byte(sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"iss": "login", "exp": now.Unix()})),
		[]byte(sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"iss": "login", "types": 1})),
	} {
		for range 2 {
			if _, err := v.Verify(bad); err == nil {
				t.Errorf("%q is accepted", bad)
			}
		}
	}
	c := v.current.Load().cache
	if c.lru.Len() != 0 || c.bytes != 0 {
		t.Errorf("%d bad tokens are cached", c.lru.Len())
	}
	request := bytes.Clone(good)
	first, err := v.Verify(request)
	if err != nil {
		t.Fatal(err)
	}
	clear(request) // the next request reuses the memory
	if again, err := v.Verify(good); err != nil || again != first || c.lru.Len() != 1 {
		t.Errorf("the cache does not return the grant, or it shares the request's memory: %v", err)
	}
}

// TestHashCollision puts one token into the place of another.
func TestHashCollision(t *testing.T) {
	c := newCache()
	grant := &Grant{Subject: "one"}
	c.add(&cacheEntry{token: []byte("one"), grant: grant})
	for _, hash := range c.lru.Keys() {
		c.lru.Add(hash, &cacheEntry{token: []byte("two"), grant: grant})
	}
	if e := c.get([]byte("one")); e != nil {
		t.Errorf("got the entry of %q for another token", e.token)
	}
}

func TestCacheIsBounded(t *testing.T) {
	token := func(size, i int) []byte {
		return binary.BigEndian.AppendUint32(make([]byte, size-4), uint32(i))
	}
	fill := func(c *cache, count, size int) {
		for i := range count {
			c.add(&cacheEntry{token: token(size, i), grant: &Grant{}})
		}
	}
	sum := func(c *cache) (bytes int) {
		for _, e := range c.lru.Values() {
			bytes += e.size()
		}
		return bytes
	}
	few := newCache()
	fill(few, maxCachedTokens+100, 20)
	if few.lru.Len() != maxCachedTokens || few.bytes != sum(few) {
		t.Errorf("%d tokens in %d bytes, want %d in %d", few.lru.Len(), few.bytes, maxCachedTokens, sum(few))
	}
	if few.get(token(20, 0)) != nil || few.get(token(20, maxCachedTokens)) == nil {
		t.Error("the cache does not remove the oldest tokens first")
	}
	const maxBytes, entryBytes = 8 << 20, 64 << 10
	full := newCache()
	size := entryBytes - (&cacheEntry{grant: &Grant{}}).size()
	fill(full, maxBytes/entryBytes, size)
	if full.lru.Len() != maxBytes/entryBytes || full.bytes != maxBytes {
		t.Errorf("%d tokens with %d bytes, want %d with %d", full.lru.Len(), full.bytes, maxBytes/entryBytes, maxBytes)
	}
	full.add(&cacheEntry{token: []byte("one more"), grant: &Grant{}})
	if full.lru.Len() != maxBytes/entryBytes || full.get(token(size, 0)) != nil {
		t.Errorf("after one more there are %d tokens, want %d without the oldest", full.lru.Len(), maxBytes/entryBytes)
	}
	large := newCache()
	fill(large, 1000, maxTokenBytes)
	if large.bytes > maxCachedBytes || large.bytes < maxCachedBytes/2 || large.bytes != sum(large) {
		t.Errorf("%d bytes, want up to %d and %d", large.bytes, maxCachedBytes, sum(large))
	}
	fill(large, 100, maxTokenBytes)
	fill(large, 100, maxTokenBytes) // replaces the entries
	if large.bytes != sum(large) {
		t.Errorf("%d bytes, want %d", large.bytes, sum(large))
	}
	for i := range 1000 {
		large.remove(token(maxTokenBytes, i))
	}
	if large.lru.Len() != 0 || large.bytes != 0 {
		t.Errorf("%d tokens with %d bytes are left", large.lru.Len(), large.bytes)
	}
}

// TestEntrySizeIsRealistic compares the size of entries with the memory that they
// need at least.
func TestEntrySizeIsRealistic(t *testing.T) {
	f := func(e *cacheEntry, want int) {
		t.Helper()
		if got := e.size(); got < want || got > 2*want {
			t.Errorf("%+v: got size %d, want %d to %d", e.grant, got, want, 2*want)
		}
	}
	const fixed, perPattern = int(unsafe.Sizeof(cacheEntry{}) + unsafe.Sizeof(Grant{})), int(unsafe.Sizeof([]byte{}))
	f(&cacheEntry{grant: &Grant{}}, fixed)
	f(&cacheEntry{token: make([]byte, 1000), grant: &Grant{}}, fixed+1000)
	f(&cacheEntry{grant: &Grant{Subject: strings.Repeat("a", 1000)}}, fixed+1000)
	f(&cacheEntry{grant: &Grant{Scope: metric.Scope{Prefix: make([]byte, 1000)}}}, fixed+1000)
	patterns := slices.Repeat(metric.Patterns{make([]byte, 100)}, 100)
	f(&cacheEntry{grant: &Grant{Scope: metric.Scope{Metrics: patterns}}}, fixed+100*(perPattern+100))
	f(&cacheEntry{grant: &Grant{Scope: metric.Scope{Tags: patterns}}}, fixed+100*(perPattern+100))
}

func TestATokenEndsWithItsSecret(t *testing.T) {
	v := newTestVerifier(t, Options{Keys: load(t, KeySources{Secrets: []string{secret, "next"}})})
	old, next := sign(t, jwt.SigningMethodHS256, []byte(secret), nil), sign(t, jwt.SigningMethodHS256, []byte("next"), nil)
	for range 2 {
		checkAccepted(t, v, "the old secret", old, true)
		checkAccepted(t, v, "the next secret", next, true)
	}
	v.SetKeys(load(t, KeySources{Secrets: []string{"next"}}))
	checkAccepted(t, v, "the old secret", old, false)
	checkAccepted(t, v, "the next secret", next, true)
	v.SetKeys(load(t, KeySources{}))
	checkAccepted(t, v, "the next secret", next, false)
	v.SetKeys(load(t, KeySources{Secrets: []string{secret}}))
	checkAccepted(t, v, "the old secret", old, true)
}

// TestTokenOfOldKeysIsNotCachedWithNewKeys removes a secret while Verify checks
// a token that was signed with it.
func TestTokenOfOldKeysIsNotCachedWithNewKeys(t *testing.T) {
	v := newTestVerifier(t, Options{})
	v.now = func() time.Time { // Verify calls it after it has loaded the keys
		v.now = func() time.Time { return now }
		v.SetKeys(load(t, KeySources{Secrets: []string{"other"}}))
		return now
	}
	token := sign(t, jwt.SigningMethodHS256, []byte(secret), nil)
	checkAccepted(t, v, "the secret", token, true)
	checkAccepted(t, v, "a removed secret", token, false)
}

func TestKeysChangeUnderLoad(t *testing.T) {
	with, without := load(t, KeySources{Secrets: []string{secret}}), load(t, KeySources{Secrets: []string{"other"}})
	v := newTestVerifier(t, Options{Keys: with})
	token := []byte(sign(t, jwt.SigningMethodHS256, []byte(secret), nil))
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = v.Verify(token)
				}
			}
		})
	}
	for range 200 {
		v.SetKeys(with)
		checkAccepted(t, v, "the secret", string(token), true)
		v.SetKeys(without)
		checkAccepted(t, v, "a removed secret", string(token), false)
	}
	close(stop)
	all.Wait()
}
