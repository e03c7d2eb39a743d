package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
)

// readPublicKeys reads the public keys of a PEM file. Its lines may be indented,
// and may start with a number sign to be skipped. A file without a key is an
// error.
func readPublicKeys(file string) ([]key, error) {
	text, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	text = bytes.Join(slices.Collect(keyLines(text)), []byte{'\n'})
	blocks := bytes.Count(text, []byte("-----BEGIN "))
	var keys []key
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		k, err := parsePublicKey(block)
		if err != nil {
			return nil, fmt.Errorf("block %d: %w", len(keys)+1, err)
		}
		keys = append(keys, k)
	}
	switch {
	case len(keys) < blocks: // pem.Decode skips malformed blocks
		return nil, fmt.Errorf("%d of its %d PEM blocks are malformed", blocks-len(keys), blocks)
	case blocks == 0:
		return nil, errors.New("it contains no PEM block")
	}
	return keys, nil
}

// parsePublicKey parses a PEM block with a public key. It uses only the public
// key of a certificate, and checks neither its signature nor its dates.
func parsePublicKey(block *pem.Block) (key, error) {
	var public any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			public = certificate.PublicKey
		}
	default:
		return key{}, fmt.Errorf("it is %.40q, want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE", block.Type)
	}
	if err != nil {
		return key{}, err
	}
	return newPublicKey(public)
}
