package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSA(2048) })

func newRSA(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

func newECDSA(curve elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newEd25519() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// keyPair returns a private key for the algorithm method, and its public key. For
// HMAC both are the secret.
func keyPair(method string) (private any, public key) {
	var signer crypto.Signer
	switch method {
	case "HS256", "HS384", "HS512":
		return []byte(secret), key{methods: hmacMethods, value: []byte(secret)}
	case "ES256":
		signer = newECDSA(elliptic.P256())
	case "ES384":
		signer = newECDSA(elliptic.P384())
	case "ES512":
		signer = newECDSA(elliptic.P521())
	case "EdDSA":
		signer = newEd25519()
	default:
		signer = rsaKey()
	}
	public, err := newPublicKey(signer.Public())
	if err != nil {
		panic(err)
	}
	return signer, public
}

// publicPEM returns public in PEM.
func publicPEM(t testing.TB, public crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pemBlock("PUBLIC KEY", der)
}

func pemBlock(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certificate returns an expired, self-signed certificate of key in PEM.
func certificate(t testing.TB, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pemBlock("CERTIFICATE", der)
}

func writeKeys(t testing.TB, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// checkAccepted checks that v accepts a token if want is true, and finds a bad
// signature if not.
func checkAccepted(t testing.TB, v *Verifier, what, token string, want bool) {
	t.Helper()
	_, err := v.Verify([]byte(token))
	if want && err != nil {
		t.Errorf("%s is rejected: %v", what, err)
	}
	if !want && (err == nil || !strings.Contains(err.Error(), "bad signature")) {
		t.Errorf("%s: %v, want a bad signature", what, err)
	}
}
