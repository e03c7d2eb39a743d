// Package http tests the HTTP interface of the whole program: requests, batches,
// names, tokens, limits and connections.
//
// Real: the program, and curl for its test only. Fake: a StatsD that keeps the lines it
// receives.
package http
