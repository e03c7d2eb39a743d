package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
)

// runToken is the command token; it returns the exit code.
func runToken(args []string, stdout, stderr io.Writer) int {
	t, err := config.ParseToken(args)
	if errors.Is(err, config.ErrHelp) {
		if err := config.WriteTokenHelp(stdout); err != nil {
			return fail(stderr, exitFailure, err)
		}
		return 0
	}
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	secret, err := signingSecret(t)
	if err != nil {
		return fail(stderr, exitFailure, err)
	}
	if len(secret) < auth.ShortSecret {
		fmt.Fprintf(stderr, "statsd-http-proxy: the secret is shorter than %d bytes: its tokens give it away to who can guess\n", auth.ShortSecret)
	}
	now := time.Now()
	claims := auth.Claims{
		Issuer:   t.Issuer,
		Subject:  t.Subject,
		Audience: t.Audience,
		IssuedAt: now,
		Metrics:  t.Metrics,
		Types:    t.Types,
		Prefix:   t.Prefix,
	}
	if t.Expires > 0 {
		claims.ExpiresAt = now.Add(t.Expires)
	}
	token, err := auth.Sign(secret, claims)
	if err != nil {
		return fail(stderr, exitUsage, err)
	}
	if _, err := fmt.Fprintln(stdout, token); err != nil {
		return fail(stderr, exitFailure, err)
	}
	return 0
}

// signingSecret returns the secret that t names.
func signingSecret(t *config.Token) ([]byte, error) {
	if t.Secret != "" {
		return []byte(t.Secret), nil
	}
	secrets, err := auth.ReadSecrets(t.SecretFile)
	if err != nil {
		return nil, err
	}
	return secrets[0], nil
}
