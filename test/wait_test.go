package test

import (
	"testing"
	"time"
)

const (
	// patience is how long a test waits for what should happen soon. It only
	// costs time where something is broken.
	patience = 20 * time.Second

	pollInterval = 5 * time.Millisecond
)

// eventually waits until done, or fails the test.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s", patience, what)
		}
	}
}
