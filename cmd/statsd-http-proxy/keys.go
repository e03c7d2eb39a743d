package main

import (
	"fmt"

	"statsd-http-proxy/internal/admin"
	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/config"
)

// tokenKeys are the keys of tokens that options and files give.
type tokenKeys struct {
	config *config.Config
	loaded *auth.Keys
}

// load reads the files. On an error the keys that were loaded before stay.
func (k *tokenKeys) load() error {
	keys, err := auth.LoadKeys(auth.KeySources{
		Secrets:       k.config.JWTSecrets,
		SecretFile:    k.config.JWTSecretFile,
		PublicKeyFile: k.config.JWTPublicKeyFile,
	})
	if err == nil {
		k.loaded = keys
	}
	return err
}

// files returns the files that load reads.
func (k *tokenKeys) files() []string {
	var files []string
	for _, file := range []string{k.config.JWTSecretFile, k.config.JWTPublicKeyFile} {
		if file != "" {
			files = append(files, file)
		}
	}
	return files
}

// kinds returns the kinds of the files that load reads. If one cannot be read, none takes
// effect.
func (k *tokenKeys) kinds() []admin.File {
	var kinds []admin.File
	if k.config.JWTSecretFile != "" {
		kinds = append(kinds, admin.FileSecrets)
	}
	if k.config.JWTPublicKeyFile != "" {
		kinds = append(kinds, admin.FileKeys)
	}
	return kinds
}

// warning returns a warning if a secret is short, or "".
func (k *tokenKeys) warning() string {
	switch n := k.loaded.ShortSecrets(); n {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf("1 secret for tokens is shorter than %d bytes: the holder of a token could guess it (statsd-http-proxy secret prints a better one)", auth.MinSecretBytes)
	default:
		return fmt.Sprintf("%d secrets for tokens are shorter than %d bytes: the holder of a token could guess them (statsd-http-proxy secret prints better ones)", n, auth.MinSecretBytes)
	}
}

// startVerifier starts the verifier of tokens, which fetches keys if there is a
// --jwt-jwks-url.
func (a *app) startVerifier() (err error) {
	if a.keys == nil {
		return nil
	}
	c := a.config
	a.verifier, err = auth.New(auth.Options{
		Keys:       a.keys.loaded,
		JWKSURL:    c.JWTJWKSURL,
		Issuer:     c.JWTIssuer,
		Audience:   c.JWTAudience,
		RequireExp: c.JWTRequireExp,
		Leeway:     c.JWTLeeway,
		Logger:     a.log,
	})
	return err
}

func (a *app) stopVerifier() {
	if a.verifier != nil {
		a.verifier.Close()
	}
}

// reloadKeys loads the keys of tokens again and gives them to the verifier.
func (a *app) reloadKeys() error {
	if err := a.keys.load(); err != nil {
		return err
	}
	a.verifier.SetKeys(a.keys.loaded)
	a.logWarning(a.keys.warning())
	return nil
}
