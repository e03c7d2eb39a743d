//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// writeCertificate writes a self-signed certificate for 127.0.0.1 and its key to
// files in dir. It returns the names of the files.
func writeCertificate(dir string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return cert, key, errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
}

// handshake starts TLS on a socket, without verifying the certificate.
func handshake(s *socket, protocol string) (*tls.Conn, error) {
	alpn := map[string]string{protocolTLS: "http/1.1", protocolHTTP2: "h2"}[protocol]
	conn := tls.Client(s, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpn}})
	if err := conn.Handshake(); err != nil {
		return nil, err
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != alpn && (got != "" || protocol == protocolHTTP2) {
		return nil, fmt.Errorf("the server chose the protocol %q, want %q", got, alpn)
	}
	return conn, nil
}
