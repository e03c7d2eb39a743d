package main

import (
	"log/slog"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/reload"
)

// newVerifier returns what checks tokens as c wants it, which has to be closed,
// and the files that its keys come from.
func newVerifier(c *config.Config, log *slog.Logger) (*auth.Verifier, reload.Source, error) {
	load := func() (*auth.Keys, error) {
		keys, err := auth.LoadKeys(auth.KeySources{
			Secrets:       c.JWTSecrets,
			SecretFile:    c.JWTSecretFile,
			PublicKeyFile: c.JWTPublicKeyFile,
		})
		if err != nil {
			return nil, err
		}
		if n := keys.ShortSecrets(); n > 0 {
			log.Warn("a secret is short: its tokens give it away to who can guess", "secrets", n, "bytes", auth.ShortSecret)
		}
		return keys, nil
	}
	keys, err := load()
	if err != nil {
		return nil, reload.Source{}, err
	}
	verifier, err := auth.New(auth.Options{
		Keys:       keys,
		JWKSURL:    c.JWTJWKSURL,
		Issuer:     c.JWTIssuer,
		Audience:   c.JWTAudience,
		RequireExp: c.JWTRequireExp,
		Leeway:     c.JWTLeeway,
		Logger:     log,
	})
	source := reload.Source{Name: "the keys of tokens", Load: func() error {
		keys, err := load()
		if err == nil {
			verifier.SetKeys(keys)
		}
		return err
	}}
	for _, file := range []string{c.JWTSecretFile, c.JWTPublicKeyFile} {
		if file != "" {
			source.Files = append(source.Files, file)
		}
	}
	return verifier, source, err
}
