//go:build linux

// Package faults tests that acknowledged metrics arrive once while StatsD
// restarts, moves or hangs, while the network fails, and while the proxy stops.
//
//	load ─▶ the real program ─▶ a fake StatsD, which goes away, comes back, stops reading
//	 └ acknowledged                └ received
//
// Each metric has a name of its own. A metric is lost if it was acknowledged and
// not received. A test prints both numbers, and how many packets its own sockets
// have dropped.
package faults

import (
	"os"
	"testing"

	"statsd-http-proxy/test/harness"
)

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, "../.."))
}

// startProxy starts a proxy that sends to s.
func startProxy(t testing.TB, s *statsd, args ...string) *harness.Proxy {
	t.Helper()
	return harness.StartProxy(t, harness.ProxyCommand(proxyArgs(s, args...)...))
}

// proxyArgs returns the options of a proxy that sends to s, followed by args. The
// timeouts for clients are long, since clients wait while the proxy is frozen.
func proxyArgs(s *statsd, args ...string) []string {
	return append(append([]string{
		"--http-port=0",
		"--http-timeout-read=20",
		"--http-timeout-write=20",
		"--http-timeout-idle=60",
	}, s.options()...), args...)
}
