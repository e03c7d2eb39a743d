// Package servers tests that real StatsD servers understand what the program sends
// them, with each flavor and in each tag format.
//
// Real: the program, Etsy's StatsD, Prometheus' statsd_exporter and Telegraf. Fake:
// gostatsd; a StatsD that keeps lines, for Graphite's documented form. Needs: Node.js
// and test/install.
package servers
