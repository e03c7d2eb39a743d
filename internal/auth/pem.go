package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// pemBegin is the beginning of a PEM block.
var pemBegin = []byte("-----BEGIN ")

// readPublicKeys reads the public keys of a PEM file. A file without a key is an
// error.
func readPublicKeys(file string) ([]key, error) {
	lines, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	text := append(bytes.Join(lines, []byte{'\n'}), '\n')
	blocks := bytes.Count(text, pemBegin)
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
		return key{}, fmt.Errorf("it is %s%.40q, want PUBLIC KEY, RSA PUBLIC KEY or CERTIFICATE", describePrivate(block), block.Type)
	}
	if err != nil {
		return key{}, err
	}
	return newPublicKey(public)
}

// describePrivate returns words for a private key, which people often use in place
// of its public key. It returns "" for other blocks.
func describePrivate(block *pem.Block) string {
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return "an encrypted private key, "
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return "a private key, "
	}
	return ""
}
