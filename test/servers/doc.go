// Package servers tests that real StatsD servers understand what the program sends
// them, in each tag format.
//
// Real: the program, Etsy's StatsD and Prometheus' statsd_exporter. Fake: a StatsD
// that keeps lines, for Graphite's documented form. Needs: Node.js and test/install.
package servers
