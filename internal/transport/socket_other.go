//go:build !linux

package transport

import "net"

// rejectHandshakes does nothing: this system has no way to end only the beginning of
// connections.
func rejectHandshakes(*net.TCPListener) {}

// hasConnections returns false: this system does not tell.
func hasConnections(*net.TCPListener) bool { return false }

// isGone returns false: this system does not tell.
func isGone(net.Conn) bool { return false }

// acknowledge does nothing: this system decides itself.
func acknowledge(uintptr) {}
