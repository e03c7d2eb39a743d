// Package clients tests that HTTP clients of several languages, and a StatsD client that
// sends over HTTP, work with the program. It writes and checks the table in
// docs/clients.md.
//
// Real: the program and the clients. Fake: a StatsD that keeps lines. Needs: Node.js,
// Python, Perl, PHP, Ruby, curl and test/install; Java if there is one.
package clients
