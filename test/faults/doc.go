// Package faults tests what a 200 of the proxy promises while StatsD restarts, moves or
// hangs, and while the proxy stops: no accepted metric is lost, and none arrives twice.
// Each metric has its own name, so a lost metric is one that was accepted but not
// received. Real: the program and the kernel's network. Fake: StatsD and DNS. Needs:
// Linux; root, unshare and ip for the tests with network namespaces.
package faults
