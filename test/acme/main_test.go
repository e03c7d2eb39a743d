package acme

import (
	"os"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestMain(m *testing.M) {
	os.Exit(testutil.Main(m))
}
