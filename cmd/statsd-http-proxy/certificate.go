package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
)

// certificate is the server's certificate, which may change while it runs.
type certificate struct {
	cert, key string // files
	loaded    atomic.Pointer[tls.Certificate]
}

// load reads the files. On an error the certificate loaded before stays.
func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("load the certificate %q with the key %q: %w", c.cert, c.key, err)
	}
	c.loaded.Store(&pair)
	return nil
}

// get is the GetCertificate of a tls.Config.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.loaded.Load(), nil
}
