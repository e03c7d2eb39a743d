// Package browser tests the client, the demo page and plain pages in Chromium, and
// the client in Firefox. The scripts that drive Chromium are in scripts/.
//
// Real: the program, Chromium, Firefox, Etsy's StatsD and statsd-http-proxy-client.
// Fake: a StatsD that keeps lines. Needs: Node.js, Chromium, Firefox and test/install.
package browser
