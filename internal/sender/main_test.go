package sender

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain checks that all goroutines have ended.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
