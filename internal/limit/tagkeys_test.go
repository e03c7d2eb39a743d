package limit

import (
	"fmt"
	"sync"
	"testing"
)

func TestTagKeysAreBounded(t *testing.T) {
	for _, max := range []int{1, 2, 200} {
		keys := NewTagKeys(max)
		for range 2 { // known keys stay admitted
			for i := range max {
				if !keys.Admit(fmt.Appendf(nil, "key%d", i)) {
					t.Errorf("key %d of %d is rejected", i, max)
				}
			}
			for i := range 10 {
				if keys.Admit(fmt.Appendf(nil, "other%d", i)) {
					t.Errorf("a key beyond %d is admitted", max)
				}
			}
		}
		if n := keys.Len(); n != max {
			t.Errorf("%d keys are known, want %d", n, max)
		}
	}
}

func TestTagKeysAreCopied(t *testing.T) {
	keys := NewTagKeys(1)
	key := []byte("env")
	keys.Admit(key)
	copy(key, "xyz")
	if !keys.Admit([]byte("env")) || keys.Admit(key) {
		t.Error("a key changed with the caller's slice")
	}
}

func TestTagKeysAllocateNothing(t *testing.T) {
	keys, known, unknown := NewTagKeys(1), []byte("env"), []byte("page")
	keys.Admit(known)
	if allocs := testing.AllocsPerRun(100, func() { keys.Admit(known); keys.Admit(unknown) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// TestTagKeysAreSafe adds the same keys in several goroutines, in different orders.
func TestTagKeysAreSafe(t *testing.T) {
	const max, goroutines = 100, 8
	keys := NewTagKeys(max)
	admitted := make([]map[string]bool, goroutines)
	var group sync.WaitGroup
	for g := range goroutines {
		admitted[g] = make(map[string]bool)
		group.Go(func() {
			for i := range 4 * max {
				key := fmt.Sprintf("key%d", (i*7+g*31)%(2*max))
				if keys.Admit([]byte(key)) {
					admitted[g][key] = true
				} else if admitted[g][key] {
					t.Errorf("%s was admitted and is rejected", key)
				}
			}
		})
	}
	group.Wait()
	all := make(map[string]bool)
	for _, some := range admitted {
		for key := range some {
			all[key] = true
		}
	}
	if len(all) != max || keys.Len() != max {
		t.Errorf("%d keys are admitted and %d are known, want %d", len(all), keys.Len(), max)
	}
}

func BenchmarkTagKeys(b *testing.B) {
	keys, key := NewTagKeys(200), []byte("environment")
	keys.Admit(key)
	for i := range 199 {
		keys.Admit(fmt.Appendf(nil, "key%d", i))
	}
	b.ReportAllocs()
	for b.Loop() {
		keys.Admit(key)
	}
}
