//go:build linux

// Package faults tests what the proxy promises with its 200 while StatsD
// restarts, moves, hangs, and while the proxy itself is stopped: nothing that
// was acknowledged is lost, and nothing arrives twice.
//
//	load ─▶ the real program ─▶ StatsD's place, which goes away, comes back, stops reading
//	 └ acknowledged                └ received
//
// Each metric has a name of its own, so what was lost is what was acknowledged
// and not received. A test prints both, and what its own sockets have dropped.
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

// proxyArgs returns the options of a proxy that sends to s, before args. The
// times for clients are long: this is no test of them, and a frozen proxy keeps
// its clients waiting.
func proxyArgs(s *statsd, args ...string) []string {
	return append(append([]string{
		"--http-port=0",
		"--http-timeout-read=20",
		"--http-timeout-write=20",
		"--http-timeout-idle=60",
	}, s.options()...), args...)
}
