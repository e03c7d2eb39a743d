package harness

import (
	"testing"
	"time"
)

const (
	// Patience is how long a test waits for what should happen soon. It only
	// costs time where something is broken.
	Patience = time.Minute

	pollInterval = 5 * time.Millisecond
)

// Eventually waits until done, or fails the test.
func Eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !done(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s", Patience, what)
		}
	}
}
