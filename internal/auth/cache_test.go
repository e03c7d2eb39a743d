package auth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"
	"testing"
	"time"

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
	f(0, nil) // the clock was set back
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
	clear(request) // the request is over
	if again, err := v.Verify(good); err != nil || again != first || c.lru.Len() != 1 {
		t.Errorf("the grant is not shared, or the request's bytes are: %v", err)
	}
}

// TestATokenOfTheSameHashIsAnother makes two tokens meet in one place.
func TestATokenOfTheSameHashIsAnother(t *testing.T) {
	c := newCache()
	grant := &Grant{Subject: "one"}
	c.add(&cached{token: []byte("one"), grant: grant})
	for _, hash := range c.lru.Keys() {
		c.lru.Add(hash, &cached{token: []byte("two"), grant: grant})
	}
	if e := c.get([]byte("one")); e != nil {
		t.Errorf("%q is found for one", e.token)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	token := func(size, i int) []byte {
		return binary.BigEndian.AppendUint32(make([]byte, size-4), uint32(i))
	}
	fill := func(c *cache, count, size int) {
		for i := range count {
			c.add(&cached{token: token(size, i), grant: &Grant{}})
		}
	}
	sum := func(c *cache) (bytes int) {
		for _, e := range c.lru.Values() {
			bytes += e.size()
		}
		return bytes
	}
	few := newCache()
	fill(few, maxCached+100, 20)
	if few.lru.Len() != maxCached || few.bytes != sum(few) {
		t.Errorf("%d tokens in %d bytes, want %d in %d", few.lru.Len(), few.bytes, maxCached, sum(few))
	}
	if few.get(token(20, 0)) != nil || few.get(token(20, maxCached)) == nil {
		t.Error("the newest were dropped, not the oldest")
	}
	large := newCache()
	fill(large, 1000, maxToken)
	if large.bytes > maxCachedBytes || large.bytes < maxCachedBytes/2 || large.bytes != sum(large) {
		t.Errorf("%d bytes, want up to %d and %d", large.bytes, maxCachedBytes, sum(large))
	}
	fill(large, 100, maxToken)
	fill(large, 100, maxToken) // each again
	if large.bytes != sum(large) {
		t.Errorf("%d bytes, want %d", large.bytes, sum(large))
	}
	for i := range 1000 {
		large.remove(token(maxToken, i))
	}
	if large.lru.Len() != 0 || large.bytes != 0 {
		t.Errorf("%d tokens in %d bytes are left", large.lru.Len(), large.bytes)
	}
}

func TestATokenEndsWithItsSecret(t *testing.T) {
	v := newTestVerifier(t, Options{Keys: load(t, KeySources{Secrets: []string{secret, "next"}})})
	old, next := sign(t, jwt.SigningMethodHS256, []byte(secret), nil), sign(t, jwt.SigningMethodHS256, []byte("next"), nil)
	for range 2 {
		accepts(t, v, "the old secret", old, true)
		accepts(t, v, "the next secret", next, true)
	}
	v.SetKeys(load(t, KeySources{Secrets: []string{"next"}}))
	accepts(t, v, "the old secret", old, false)
	accepts(t, v, "the next secret", next, true)
	v.SetKeys(load(t, KeySources{}))
	accepts(t, v, "the next secret", next, false)
	v.SetKeys(load(t, KeySources{Secrets: []string{secret}}))
	accepts(t, v, "the old secret", old, true)
}

// TestATokenOfOldKeysIsNotCachedWithNewOnes takes a secret away while a token
// of it is checked.
func TestATokenOfOldKeysIsNotCachedWithNewOnes(t *testing.T) {
	v := newTestVerifier(t, Options{})
	v.now = func() time.Time { // which Verify asks with the keys at hand
		v.now = func() time.Time { return now }
		v.SetKeys(load(t, KeySources{Secrets: []string{"other"}}))
		return now
	}
	token := sign(t, jwt.SigningMethodHS256, []byte(secret), nil)
	accepts(t, v, "the secret", token, true)
	accepts(t, v, "a secret that is gone", token, false)
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
		accepts(t, v, "the secret", string(token), true)
		v.SetKeys(without)
		accepts(t, v, "a secret that is gone", string(token), false)
	}
	close(stop)
	all.Wait()
}
