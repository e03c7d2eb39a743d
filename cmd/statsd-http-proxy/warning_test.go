package main

import (
	"strings"
	"testing"
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
