package http2

import (
	"os"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestMain(m *testing.M) {
	os.Exit(testutil.Main(m))
}

// startProxy starts a proxy with a crowd's timeouts, with TLS or without.
func startProxy(t testing.TB, secure bool, args ...string) *testutil.Proxy {
	t.Helper()
	if secure {
		return testutil.StartSecureProxy(t, args...)
	}
	return testutil.StartProxy(t, args...)
}

// ways are the names of the ways to HTTP/2: chosen in the TLS handshake, or known before.
var ways = map[string]bool{"TLS": true, "without TLS": false}
