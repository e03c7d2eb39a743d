// Package browser tests the client, the demo page and plain pages in Chromium. The
// scripts that drive it are in scripts/.
//
// Real: the program, Chromium, Etsy's StatsD and statsd-http-proxy-client. Fake: a
// StatsD that keeps lines. Needs: Node.js, Chromium and test/install.
package browser
