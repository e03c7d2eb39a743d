// Package balancers tests the program behind a load balancer: connections, addresses
// of clients, TLS and HTTP/2.
//
// Real: the program, HAProxy and nginx with the shipped configurations in deploy/.
// Fake: a StatsD that keeps the lines it receives. Needs: nginx, HAProxy.
package balancers
