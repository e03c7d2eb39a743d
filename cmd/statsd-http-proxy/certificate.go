package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// expiryNotice is how long before the end of a certificate its warnings
	// begin.
	expiryNotice = 7 * 24 * time.Hour

	// expiryInterval is the time between two such warnings.
	expiryInterval = 24 * time.Hour
)

// certificate is the server's certificate, which can be reloaded.
type certificate struct {
	cert, key string // files
	loaded    atomic.Pointer[tls.Certificate]
}

func (c *certificate) files() []string { return []string{c.cert, c.key} }

// load reads the files. On an error the certificate that was loaded before stays
// in use.
func (c *certificate) load() error {
	pair, err := c.read()
	if err != nil {
		return fmt.Errorf("load the certificate %q with the key %q: %w", c.cert, c.key, err)
	}
	c.loaded.Store(&pair)
	return nil
}

func (c *certificate) read() (tls.Certificate, error) {
	cert, err := os.ReadFile(c.cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := os.ReadFile(c.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if isEncryptedKey(key) {
		return tls.Certificate{}, errors.New("the key is encrypted with a passphrase; decrypt it, such as with: openssl pkey -in FILE -out DECRYPTED")
	}
	return tls.X509KeyPair(bytes.TrimPrefix(cert, byteOrderMark), bytes.TrimPrefix(key, byteOrderMark))
}

// byteOrderMark is what some editors write at the start of a file.
var byteOrderMark = []byte("\ufeff")

// isEncryptedKey reports whether PEM text contains a private key that needs a
// passphrase (RFC 7468, section 11, and RFC 1421, section 4.6.1.1).
func isEncryptedKey(text []byte) bool {
	for {
		var block *pem.Block
		if block, text = pem.Decode(bytes.TrimSpace(text)); block == nil {
			return false
		}
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return true
		}
	}
}

// warning returns a warning if the certificate has expired or soon will, or "".
func (c *certificate) warning(now time.Time) string {
	end := c.loaded.Load().Leaf.NotAfter
	text := end.UTC().Format(time.RFC3339)
	switch left := end.Sub(now); {
	case left < 0:
		return fmt.Sprintf("the certificate %q expired at %s: clients will refuse it", c.cert, text)
	case left < expiryNotice:
		return fmt.Sprintf("the certificate %q expires soon, at %s", c.cert, text)
	}
	return ""
}

// get returns the certificate that was loaded last. It is the GetCertificate of a
// tls.Config.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.loaded.Load(), nil
}

// reloadCertificate loads the certificate again.
func (a *app) reloadCertificate() error {
	err := a.certificate.load()
	if err == nil {
		a.logWarning(a.certificate.warning(time.Now()))
	}
	return err
}

// startExpiryCheck starts a goroutine that warns once a day if the certificate is
// about to expire. The warning at the start is logStart's.
func (a *app) startExpiryCheck() error {
	if a.certificate == nil {
		return nil
	}
	a.expiryStop = make(chan struct{})
	a.expiryDone.Go(func() {
		ticker := time.NewTicker(expiryInterval)
		defer ticker.Stop()
		for {
			select {
			case now := <-ticker.C:
				a.logWarning(a.certificate.warning(now))
			case <-a.expiryStop:
				return
			}
		}
	})
	return nil
}

func (a *app) stopExpiryCheck() {
	if a.expiryStop != nil {
		close(a.expiryStop)
		a.expiryDone.Wait()
	}
}

// logWarning logs a warning, unless it is empty.
func (a *app) logWarning(text string) {
	if text != "" {
		a.log.Warn(text)
	}
}
