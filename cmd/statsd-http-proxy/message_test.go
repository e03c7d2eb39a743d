package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestListenErrorsSayWhatToDo(t *testing.T) {
	f := func(port int, err error, want string) {
		t.Helper()
		got := listenError("127.0.0.1", port, fmt.Errorf("bind: %w", err)).Error()
		if !strings.HasPrefix(got, `listen on "127.0.0.1": bind: `) || !strings.HasSuffix(got, want) {
			t.Errorf("port %d, %v: got %q, want the end %q", port, err, got, want)
		}
	}
	f(80, syscall.EACCES, "(ports below 1024 need root or the capability CAP_NET_BIND_SERVICE; or choose another port, such as --http-port=8825)")
	f(8825, syscall.EACCES, "permission denied")
	f(0, fs.ErrPermission, "permission denied")
	f(80, syscall.EADDRINUSE, "choose another port with --http-port)")
	f(80, syscall.EADDRNOTAVAIL, "or empty for all of them)")
	f(80, &net.DNSError{Err: "no such host", Name: "*"}, "or empty for all of them)")
	f(80, syscall.EMFILE, "too many open files")
}

func TestErrorsAreOneLine(t *testing.T) {
	f := func(err error, code int, want string) {
		t.Helper()
		var stderr bytes.Buffer
		if got := exitCode(&stderr, err); got != code || stderr.String() != want {
			t.Errorf("%v: got exit code %d, %q, want %d, %q", err, got, &stderr, code, want)
		}
	}
	f(nil, 0, "")
	f(errors.New("a\nb"), 1, "statsd-http-proxy: a b\n")
	f(usageError{errors.New("a")}, 2, "statsd-http-proxy: a\n")
	f(fmt.Errorf("b: %w", usageError{errors.New("a")}), 2, "statsd-http-proxy: b: a\n")
}

// closedWriter is standard output whose reader has gone away.
type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestUnwritableOutputIsAFailure(t *testing.T) {
	for _, args := range [][]string{
		{"--help"}, {"--version"}, {"--check-config"}, {"token", "--help"}, {"token", "--jwt-secret=" + strings.Repeat("x", 32)},
	} {
		var stderr bytes.Buffer
		if code := run(args, closedWriter{}, &stderr); code != exitFailure || stderr.String() != "statsd-http-proxy: broken pipe\n" {
			t.Errorf("%q: got exit code %d, %q, want %d and the error", args, code, &stderr, exitFailure)
		}
	}
}
