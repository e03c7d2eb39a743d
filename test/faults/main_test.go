//go:build linux

package faults

import (
	"os"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "statsd-http-proxy-admin-")
	if err != nil {
		panic(err)
	}
	adminDir = dir
	code := testutil.Main(m)
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// startProxy starts a proxy that sends to s.
func startProxy(t testing.TB, s *statsd, args ...string) *testutil.Proxy {
	t.Helper()
	return testutil.StartProxyCommand(t, testutil.ProxyCommand(t, proxyArgs(s, args...)...))
}

// proxyArgs returns the options of a proxy that sends to s, followed by args. The
// timeouts for clients are long, since clients wait while the proxy is frozen.
func proxyArgs(s *statsd, args ...string) []string {
	return append(append([]string{
		"--http-port=0",
		"--http-timeout-read=20",
		"--http-timeout-write=20",
		"--http-timeout-idle=60",
		adminOption(),
	}, s.options()...), args...)
}
