package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"syscall"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1 // the proxy cannot start or cannot go on
	exitUsage   = 2 // an option is wrong
)

// usageError is an error in the options.
type usageError struct{ error }

// Unwrap returns the error without its class.
func (e usageError) Unwrap() error { return e.error }

// optionsError returns the error of reading the options as a usageError, except if a
// file cannot be read.
func optionsError(err error) error {
	if errors.As(err, new(*fs.PathError)) {
		return err
	}
	return usageError{err}
}

// exitCode returns the exit code for an error, nil for none, and prints the
// error as one line.
func exitCode(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	printMessage(stderr, err.Error())
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailure
}

// printMessage prints one line.
func printMessage(stderr io.Writer, text string) {
	fmt.Fprintf(stderr, "statsd-http-proxy: %s\n", strings.ReplaceAll(text, "\n", " "))
}

// listenError returns the error of listening on an address, with what to do
// about it.
func listenError(address string, port int, err error) error {
	hint := ""
	switch {
	case errors.Is(err, fs.ErrPermission) && port > 0 && port < 1024:
		hint = " (ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; or choose another port, such as --http-port=8825)"
	case errors.Is(err, syscall.EADDRINUSE):
		hint = " (stop the program that uses it, or choose another port with --http-port)"
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, new(*net.DNSError)):
		hint = " (--http-host must be an address of this host, or empty for all of them)"
	}
	return fmt.Errorf("listen on %q: %w%s", address, err, hint)
}
