// Package http2 tests how the whole program speaks HTTP/2, over TLS and without: whether it
// conforms to RFC 9113, withstands attacks, serves clients that close at once, and how much
// memory its connections take.
//
// Real: the program, h2spec, curl, h2load, Etsy StatsD for curl. Fake: a StatsD that keeps
// lines, attackers.
// Needs: Node.js, curl and h2load for their tests only.
package http2
