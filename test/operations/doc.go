// Package operations tests what people and programs see that operate the proxy: the admin
// listener, its metrics in Prometheus, the rules, the dashboard, and systemd.
package operations
