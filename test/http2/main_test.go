package http2

import (
	"os"
	"slices"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestMain(m *testing.M) {
	os.Exit(testutil.Main(m))
}

// longTimeouts are those of tests that measure no timeout: on a busy machine a client may
// pause for seconds.
var longTimeouts = []string{"--http-timeout-read=60", "--http-timeout-write=60", "--http-timeout-idle=60"}

// startProxy starts a proxy with longTimeouts, with TLS or without.
func startProxy(t testing.TB, secure bool, args ...string) *testutil.Proxy {
	t.Helper()
	args = slices.Concat(longTimeouts, args)
	if secure {
		return testutil.StartSecureProxy(t, args...)
	}
	return testutil.StartProxy(t, args...)
}

// ways are the names of the ways to HTTP/2: chosen in the TLS handshake, or known before.
var ways = map[string]bool{"TLS": true, "without TLS": false}
