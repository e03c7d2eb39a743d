package testutil

import (
	"testing"
	"time"
)

const (
	// Patience is how long a test waits for an event that should happen soon. A
	// test that passes never waits that long.
	Patience = time.Minute

	pollInterval = 5 * time.Millisecond
)

// Eventually calls isDone every 5 ms until it returns true. After a minute it fails
// the test; what names the event in the failure.
func Eventually(t testing.TB, what string, isDone func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !isDone(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain for %s", Patience, what)
		}
	}
}
