// Package http tests the HTTP interface of the whole program: requests, batches,
// names, tokens, limits, connections and HTTP/2.
//
// Real: the program, curl, h2load, and Etsy StatsD for curl. Fake: a StatsD that
// keeps the lines it receives. Needs: Node.js, curl and h2load for their tests only.
package http
