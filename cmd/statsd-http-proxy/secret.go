package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"slices"
	"strings"

	"statsd-http-proxy/internal/auth"
)

const secretUsage = `statsd-http-proxy secret prints a new random secret for tokens: 32 bytes in base64url. The
proxy and programs that sign tokens use the text as it is, without decoding it.

Usage:
  statsd-http-proxy secret
`

// runSecret runs the command secret and returns its exit code.
func runSecret(args []string, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 0:
		_, err := fmt.Fprintln(stdout, newSecret())
		return exitCode(stderr, err)
	case slices.Contains([]string{"--help", "-help", "-h"}, args[0]):
		_, err := io.WriteString(stdout, secretUsage)
		return exitCode(stderr, err)
	default:
		name, _, _ := strings.Cut(args[0], "=") // the value may be a secret
		return exitCode(stderr, usageError{fmt.Errorf("unexpected argument %q; the command secret has no options", name)})
	}
}

// newSecret returns a random secret. It does not start with a dash, because the command
// line could take it for an option.
func newSecret() string {
	var random [auth.MinSecretBytes]byte
	for {
		rand.Read(random[:]) // never fails
		if secret := base64.RawURLEncoding.EncodeToString(random[:]); secret[0] != '-' {
			return secret
		}
	}
}
