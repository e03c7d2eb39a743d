// Package faults tests that acknowledged metrics arrive once while StatsD restarts,
// moves or hangs, while the network fails, and while the proxy stops.
//
//	load ─▶ the real program ─▶ a fake StatsD, which goes away, comes back, stops reading
//	 └ acknowledged                └ received
//
// Each metric has a name of its own. A metric is lost if it was acknowledged and not
// received. A test prints both numbers, and how many packets its own sockets have
// dropped. Real: the program and the kernel's network. Fake: StatsD and DNS. Needs:
// Linux; root, unshare, ip and iptables for the tests with network namespaces.
package faults
