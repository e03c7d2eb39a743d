package limit

import (
	"strconv"
	"sync"
	"testing"
)

func TestTagKeysAreLimited(t *testing.T) {
	keys := NewTagKeys(2)
	hash := func(key string) uint64 { return HashTagKey([]byte(key)) }
	f := func(key string, wantOK, wantNew bool) {
		t.Helper()
		if ok, isNew := keys.Reserve(hash(key)); ok != wantOK || isNew != wantNew {
			t.Errorf("Reserve(%s) returns %v, %v, want %v, %v", key, ok, isNew, wantOK, wantNew)
		}
	}
	f("a", true, true)
	f("b", true, true)
	f("c", false, false) // a pending key takes room
	keys.Release([]uint64{hash("b")})
	f("c", true, true)
	f("a", true, true) // for another request
	keys.Confirm([]uint64{hash("a")})
	f("a", true, false)
	keys.Release([]uint64{hash("a")}) // the other request was not sent
	f("a", true, false)
	f("d", false, false)
	f("c", true, true)
	keys.Release([]uint64{hash("c")})
	f("d", false, false) // c is pending twice
	keys.Release([]uint64{hash("c")})
	f("d", true, true)
	keys.Confirm([]uint64{hash("d"), hash("d")})
	f("e", false, false)
	f("c", false, false)
	keys.Confirm(nil)
	keys.Release(nil)
	if keys.confirmed != 2 || len(keys.pending) != 0 {
		t.Errorf("%d keys are confirmed and %d pending, want 2 and 0", keys.confirmed, len(keys.pending))
	}
}

func TestTagKeysOfManySizes(t *testing.T) {
	for _, max := range []int{1, 2, 3, 200, 1000, 4096} {
		keys, admitted := NewTagKeys(max), 0
		if slots := len(keys.table); slots < 2*max || 8*slots > 32*max {
			t.Errorf("max %d: the table has %d slots, want it half full and at most 32 bytes for each key", max, slots)
		}
		for i := range 3 * max {
			hash := HashTagKey(strconv.AppendInt(nil, int64(i), 10))
			if ok, isNew := keys.Reserve(hash); ok && isNew {
				admitted++
				keys.Confirm([]uint64{hash})
			}
			if keys.IsConfirmed(hash) != (i < max) {
				t.Fatalf("max %d: key %d is confirmed: %v", max, i, keys.IsConfirmed(hash))
			}
		}
		if admitted != max {
			t.Errorf("%d of %d keys are admitted", admitted, max)
		}
	}
}

// TestTagKeysInParallel has requests that are not sent and requests that are sent
// share keys. Each accepted key has to count.
func TestTagKeysInParallel(t *testing.T) {
	const max, goroutines = 50, 8
	keys := NewTagKeys(max)
	var sent sync.Map
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range 5000 {
				hash := HashTagKey(strconv.AppendInt(nil, int64(i/16), 10))
				ok, isNew := keys.Reserve(hash)
				switch {
				case !ok:
				case (i+g)%3 == 0:
					sent.Store(hash, true)
					if isNew {
						keys.Confirm([]uint64{hash})
					}
				case isNew:
					keys.Release([]uint64{hash})
				}
			}
		})
	}
	all.Wait()
	n := 0
	sent.Range(func(hash, _ any) bool {
		n++
		if !keys.IsConfirmed(hash.(uint64)) {
			t.Errorf("%x was sent but is not confirmed", hash)
		}
		return true
	})
	if n != max || len(keys.pending) != 0 {
		t.Errorf("%d keys were sent and %d are pending, want %d and 0", n, len(keys.pending), max)
	}
}
