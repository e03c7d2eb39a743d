package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
)

// runToken runs the command token and returns its exit code.
func runToken(args []string, stdout, stderr io.Writer) int {
	t, err := config.ParseToken(args)
	switch {
	case errors.Is(err, config.ErrHelp):
		return exitCode(stderr, config.WriteTokenHelp(stdout))
	case err != nil:
		return exitCode(stderr, optionsError(err))
	}
	return exitCode(stderr, printToken(t, stdout, stderr))
}

// printToken prints a token with the given options.
func printToken(t *config.Token, stdout, stderr io.Writer) error {
	secret, err := signingSecret(t)
	if err != nil {
		return err
	}
	now := time.Now()
	claims := auth.Claims{
		Issuer:   t.Issuer,
		Subject:  t.Subject,
		Audience: t.Audience,
		IssuedAt: now,
		Metrics:  t.Metrics,
		Types:    t.Types,
		Tags:     t.Tags,
		Prefix:   t.Prefix,
		Limits:   auth.Limits{Rate: t.Rate, Burst: t.Burst, MaxSeries: t.MaxSeries},
	}
	if t.Expires > 0 {
		claims.ExpiresAt = now.Add(t.Expires)
	}
	token, err := auth.Sign(secret, claims)
	if err != nil {
		return usageError{err}
	}
	if len(secret) < auth.MinSecretBytes {
		printMessage(stderr, fmt.Sprintf("the secret is shorter than %d bytes: the holder of a token could guess it", auth.MinSecretBytes))
	}
	_, err = fmt.Fprintln(stdout, token)
	return err
}

// signingSecret returns the secret to sign with.
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
