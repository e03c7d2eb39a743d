package testutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// CertificateName is the host name of the test certificates. They are valid for
// 127.0.0.1, too.
const CertificateName = "statsd-proxy.example.com"

// Certificate is a self-signed certificate with its key.
type Certificate struct {
	Cert, Key    []byte      // PEM
	ClientConfig *tls.Config // trusts this certificate only; clone it before changing it
}

// SharedCertificate returns a certificate that all tests share.
func SharedCertificate(t testing.TB) *Certificate {
	t.Helper()
	c, err := sharedCertificate()
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	return c
}

var sharedCertificate = sync.OnceValues(makeCertificate)

// NewCertificate returns a certificate that no other test has.
func NewCertificate(t testing.TB) *Certificate {
	t.Helper()
	c, err := makeCertificate()
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	return c
}

func makeCertificate() (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: CertificateName}, // Java requires a name
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		DNSNames:              []string{CertificateName},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	c := &Certificate{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.Cert)
	c.ClientConfig = &tls.Config{RootCAs: roots}
	return c, nil
}

// Write writes the certificate and its key to files in dir and returns their paths.
func (c *Certificate) Write(t testing.TB, dir, certName, keyName string) (certFile, keyFile string) {
	t.Helper()
	certFile, keyFile = filepath.Join(dir, certName), filepath.Join(dir, keyName)
	for file, content := range map[string][]byte{certFile: c.Cert, keyFile: c.Key} {
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
