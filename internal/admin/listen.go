package admin

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// unixPrefix begins addresses of Unix sockets.
const unixPrefix = "unix:"

// dialTimeout is the time to find out whether somebody listens on a Unix socket, or to
// connect for a health check.
const dialTimeout = 2 * time.Second

// splitAddress returns the network and the address in an address like 127.0.0.1:8826 or
// unix:/run/proxy.sock.
func splitAddress(address string) (network, name string) {
	if path, ok := strings.CutPrefix(address, unixPrefix); ok {
		return "unix", path
	}
	return "tcp", address
}

// Listen listens on HOST:PORT or on unix:PATH. It replaces a socket file on which nobody
// listens any more. The error says what to do about it.
func Listen(address string) (net.Listener, error) {
	network, name := splitAddress(address)
	listener, err := net.Listen(network, name)
	if network == "unix" && errors.Is(err, syscall.EADDRINUSE) && isStale(name) {
		if err = os.Remove(name); err == nil || errors.Is(err, fs.ErrNotExist) {
			listener, err = net.Listen(network, name)
		}
	}
	if err == nil {
		return listener, nil
	}
	hint := ""
	switch {
	case network == "unix" && isOtherFile(name):
		err, hint = fs.ErrExist, " (it is not a socket: remove it, or choose another path with --admin-listen)"
	case errors.Is(err, syscall.EADDRINUSE):
		hint = " (stop the program that uses it, or choose another address with --admin-listen)"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = " (the host of --admin-listen must be an address of this host, or empty for all of them)"
	}
	return nil, fmt.Errorf("listen on the admin address %q: %w%s", address, err, hint)
}

// isOtherFile reports whether path is a file that is not a socket.
func isOtherFile(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSocket == 0
}

// isStale reports whether path is a socket on which nobody listens.
func isStale(path string) bool {
	if isOtherFile(path) {
		return false
	}
	conn, err := net.DialTimeout("unix", path, dialTimeout)
	if err == nil {
		conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
