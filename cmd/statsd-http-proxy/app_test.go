package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
)

// newTestApp returns an app with the given arguments.
func newTestApp(t *testing.T, log io.Writer, args ...string) *app {
	t.Helper()
	a, err := newApp(parse(t, args...), args, io.Discard, log)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// parse returns the configuration for arguments.
func parse(t *testing.T, args ...string) *config.Config {
	t.Helper()
	c, err := config.Parse(args)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAppStopsWhatItStarted runs the proxy for a moment, with all parts that
// need nothing from outside.
func TestAppStopsWhatItStarted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var log bytes.Buffer
	a := newTestApp(t, &log, "--http-port=0", "--demo", "--jwt-secret=short")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.run(ctx); err != nil {
		t.Errorf("run: %v", err)
	}
	if conn, err := net.Dial("tcp", a.listener.Addr().String()); err == nil {
		conn.Close()
		t.Error("the listener is still open")
	}
	if !strings.Contains(log.String(), "tokens=true") || !strings.Contains(log.String(), "stopping") {
		t.Errorf("want the start with tokens and the stop:\n%s", &log)
	}
	if warning, start := strings.Index(log.String(), "WARN"), strings.Index(log.String(), "accepting connections"); warning < 0 || start < warning {
		t.Errorf("want a warning about the secret, then the start:\n%s", &log)
	}
}

// TestFailedStartStopsWhatItStarted lets the last part that can fail do so.
func TestFailedStartStopsWhatItStarted(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var log bytes.Buffer
	a := newTestApp(t, &log, "--http-port=0", "--demo", "--jwt-secret=short")
	a.keys.loaded = nil // the verifier needs a key
	if err := a.run(t.Context()); err == nil {
		t.Error("run: no error, want that of the verifier")
	}
	if conn, err := net.Dial("tcp", a.listener.Addr().String()); err == nil {
		conn.Close()
		t.Error("the listener is still open")
	}
	if strings.Contains(log.String(), "WARN") {
		t.Errorf("want no warning before a failed start:\n%s", &log)
	}
}

func TestErrorsInOptionsAreUsageErrors(t *testing.T) {
	f := func(isUsage bool, args ...string) {
		t.Helper()
		_, err := newApp(parse(t, args...), args, io.Discard, io.Discard)
		if err == nil || errors.As(err, new(usageError)) != isUsage {
			t.Errorf("%q: error %v, want a usage error: %t", args, err, isUsage)
		}
	}
	f(true, "--metric-prefix=a:b")
	f(true, "--tags=env")
	f(true, "--cors-origins=shop.example")
	f(true, "--trusted-proxies=x")
	f(true, "--allow-metrics=a,,b")
	f(true, "--jwt-jwks-url=x")
	f(false, "--jwt-secret-file=/nonexistent/file")
	f(false, "--tls-cert=/nonexistent/file", "--tls-key=/nonexistent/file")
}

func TestPublicListenersAreWarnedAbout(t *testing.T) {
	f := func(address, args string, want ...string) {
		t.Helper()
		listener, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		got := publicWarning(parse(t, strings.Fields(args)...), listener)
		if (got == "") != (len(want) == 0) {
			t.Errorf("%s %s: got %q, want a warning: %t", address, args, got, len(want) > 0)
		}
		for _, text := range []string{"--jwt-secret-file", "--cors-origins", "--metric-prefix", "--demo"} {
			if wanted := strings.Contains(strings.Join(want, " "), text); strings.Contains(got, text) != wanted {
				t.Errorf("%s %s: got %q, want it to name %s: %t", address, args, got, text, wanted)
			}
		}
	}
	for _, address := range []string{"127.0.0.1:80", "127.1.2.3:80", "[::1]:80"} {
		f(address, "--demo")
	}
	for _, address := range []string{"0.0.0.0:80", "[::]:80", "192.0.2.1:80", "[2001:db8::1]:80"} {
		f(address, "", "--jwt-secret-file --cors-origins --metric-prefix")
	}
	const public = "[::]:80"
	f(public, "--metric-prefix=p", "--jwt-secret-file --cors-origins")
	f(public, "--metric-prefix=p --jwt-secret=s")
	f(public, "--metric-prefix=p --cors-origins=https://shop.example")
	f(public, "--jwt-secret=s", "--metric-prefix")
	f(public, "--metric-prefix=p --jwt-secret=s --demo", "--demo")
}

func TestChangesOfTheConfigFileNeedARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "proxy.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("metric-prefix a\njwt-secret hidden\n")
	a := newTestApp(t, io.Discard, "--config="+file)
	f := func(text, want string) {
		t.Helper()
		write(text)
		if got := fmt.Sprint(a.checkConfigFile()); !strings.HasSuffix(got, want) || strings.Contains(got, "hidden") {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	f("# a comment\nmetric-prefix a\njwt-secret hidden\n", "<nil>")
	f("metric-prefix b\njwt-secret hidden2\n", "restart the proxy to apply the changes of --metric-prefix, --jwt-secret")
	f("metric-prefix\n", "proxy.conf:1: metric-prefix has no value")
}

// TestReloadedKeysAreUsed replaces the file of secrets.
func TestReloadedKeysAreUsed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secrets")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(strings.Repeat("x", auth.MinSecretBytes))
	var log bytes.Buffer
	a := newTestApp(t, &log, "--jwt-secret-file="+file)
	if err := a.startVerifier(); err != nil {
		t.Fatal(err)
	}
	defer a.stopVerifier()
	token, err := auth.Sign([]byte("new"), auth.Claims{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.verifier.Verify([]byte(token)); err == nil {
		t.Error("a token of the new secret is valid before the reload")
	}
	write("new\n")
	if err := a.reloadKeys(); err != nil || !strings.Contains(log.String(), "1 secret for tokens is shorter") {
		t.Errorf("reload: %v, want a warning about the short secret:\n%s", err, &log)
	}
	write("# none\n")
	if err := a.reloadKeys(); err == nil {
		t.Error("reload of a file without secrets: no error")
	}
	if _, err := a.verifier.Verify([]byte(token)); err != nil {
		t.Errorf("a token of the new secret: %v", err)
	}
}
