package test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// certificate is a self-signed certificate of the servers in these tests.
type certificate struct {
	cert, key []byte      // PEM
	client    *tls.Config // of a client that trusts it
}

// testCertificate returns the one certificate that all tests share.
func testCertificate(t testing.TB) *certificate {
	t.Helper()
	c, err := sharedCertificate()
	if err != nil {
		t.Fatalf("make a certificate: %v", err)
	}
	return c
}

var sharedCertificate = sync.OnceValues(makeCertificate)

func makeCertificate() (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		DNSNames:              []string{nginxName},
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
	c := &certificate{
		cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}),
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(c.cert)
	c.client = &tls.Config{RootCAs: roots}
	return c, nil
}

// write writes the certificate and its key to files in dir.
func (c *certificate) write(t testing.TB, dir, certName, keyName string) (certFile, keyFile string) {
	t.Helper()
	certFile, keyFile = filepath.Join(dir, certName), filepath.Join(dir, keyName)
	for file, content := range map[string][]byte{certFile: c.cert, keyFile: c.key} {
		if err := os.WriteFile(file, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return certFile, keyFile
}
