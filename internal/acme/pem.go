package acme

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// errDamaged is part of errors about a file that does not contain what it should.
var errDamaged = errors.New("damaged file")

// encode returns a key and a chain of certificates as PEM.
func encode(key crypto.PrivateKey, chain [][]byte) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Bytes: der}) // a bytes.Buffer takes all
	for _, der := range chain {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return text.Bytes(), nil
}

// errNeverValid is the error for a certificate without a lifetime, which cannot be renewed
// in time.
var errNeverValid = errors.New("the certificate ends before it begins")

// decode returns the certificate that encode has written. It must be for the domain, and
// must have a lifetime.
func decode(text []byte, domain string) (*tls.Certificate, error) {
	certificate, err := tls.X509KeyPair(text, text)
	if err == nil {
		err = certificate.Leaf.VerifyHostname(domain)
	}
	if err == nil && !certificate.Leaf.NotAfter.After(certificate.Leaf.NotBefore) {
		err = errNeverValid
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	return &certificate, nil
}

// decodeKey returns the key that encode has written.
func decodeKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errDamaged
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDamaged, err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, errDamaged
	}
	return signer, nil
}
