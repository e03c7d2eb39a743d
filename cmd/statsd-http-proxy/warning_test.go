package main

import (
	"net"
	"strings"
	"testing"

	"statsd-http-proxy/internal/acme"
)

func TestProbableMistakesCauseWarnings(t *testing.T) {
	f := func(args []string, want string) {
		t.Helper()
		got := strings.Join(optionWarnings(parse(t, args...)), "; ")
		if want == "" && got != "" || !strings.Contains(got, want) || strings.Contains(got, "hidden") {
			t.Errorf("%q: got the warnings %q, want %q", args, got, want)
		}
	}
	f(nil, "")
	f([]string{"--jwt-secret=hid den", "--http-timeout-read=299", "--jwt-jwks-url=https://login.example/keys"}, "")
	f([]string{"--jwt-secret=hidden\n"}, "--jwt-secret has blanks or line feeds at its ends")
	f([]string{"--jwt-secret=good", "--jwt-secret= hidden"}, "--jwt-secret has blanks or line feeds at its ends")
	f([]string{`--jwt-secret="hidden"`}, "--jwt-secret has quotation marks around it")
	f([]string{"--jwt-secret='hidden'"}, "--jwt-secret has quotation marks around it")
	f([]string{`--jwt-secret="`}, "")
	f([]string{"--jwt-jwks-url=http://login.example/keys"}, "--jwt-jwks-url is not https")
	f([]string{"--http-timeout-read=1000"}, "--http-timeout-read is 16m40s")
	f([]string{"--http-timeout-write=5m"}, "--http-timeout-write is 5m0s")
}

func TestListenersThatTheACMEServerCannotReachAreWarnedAbout(t *testing.T) {
	f := func(directory, address, want string) {
		t.Helper()
		listener, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		o := &acme.Options{Domains: []string{"a.example", "b.example"}, Directory: directory}
		got := acmeWarning(o, listener)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s %s: got the warning %q, want %q", directory, address, got, want)
		}
		if got != "" && (!strings.Contains(got, address) || !strings.Contains(got, "port 443 of a.example, b.example")) {
			t.Errorf("%s %s: got the warning %q, want it to name the address and the domains", directory, address, got)
		}
		if got := acmeWarning(nil, listener); got != "" {
			t.Errorf("%s without domains: got the warning %q", address, got)
		}
	}
	f(acme.LetsEncrypt, "[::]:443", "")
	f(acme.LetsEncrypt, "0.0.0.0:8443", "") // a port mapping
	f(acme.LetsEncrypt, "[::]:80", "set --http-port=443")
	f(acme.LetsEncrypt, "192.0.2.1:80", "set --http-port=443")
	f(acme.LetsEncrypt, "127.0.0.1:80", "set --http-host= --http-port=443")
	f(acme.LetsEncrypt, "[::1]:443", "set --http-host= --http-port=443")
	f("https://localhost:14000/dir", "127.0.0.1:80", "")
	if got := acmeWarning(&acme.Options{Directory: acme.LetsEncrypt}, &net.UnixAddr{Name: "s", Net: "unix"}); got != "" {
		t.Errorf("a Unix socket: got the warning %q", got)
	}
}
