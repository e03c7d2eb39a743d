// Package hostile sends generated hostile metrics through the real proxy to real
// StatsD servers: Etsy StatsD with its Graphite backend, statsd_exporter and
// Telegraf. The servers must stay alive, and metrics of a well-behaved client must
// stay exact. Only the Graphite server behind Etsy StatsD is fake: it is a listener
// that reads lines.
//
// Each server gets hostile metrics for 20 seconds. -hostile sets another time:
//
//	go test ./test/hostile -run 'TestServersSurvive/etsy' -hostile 5m -seed 42
package hostile
