// Package acme tests certificates by ACME with Pebble, the ACME server that Let's Encrypt
// has for tests. Pebble connects to the proxy as Let's Encrypt does, but to a port of
// 127.0.0.1.
package acme
