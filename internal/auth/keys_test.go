package auth

import (
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestSecretsAreReadFromAFile(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		got, err := ReadSecrets(writeKeys(t, text))
		if err != nil || !slices.EqualFunc(got, want, func(a []byte, b string) bool { return string(a) == b }) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	f("one", "one")
	f("one\n", "one")
	f("one\r\n\r\ntwo\r\n", "one", "two")
	f("\n\n one \n\t\n two=\"2\" #\t\n", "one", `two="2" #`)
	f("# comment\none\n#two\n  # three\n", "one")
	f("\ufeffone\ntwo", "one", "two")
	f("\ufeff# comment\r\none\r\n", "one")
	f("one\r\r\n", "one")

	bad := func(text, want string) {
		t.Helper()
		if got, err := ReadSecrets(writeKeys(t, text)); err == nil || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %.20q, %v, want an error with %q", text, got, err, want)
		}
	}
	bad("", "contains no secret")
	bad("\n \r\n", "contains no secret")
	bad("\ufeff", "contains no secret")
	bad("#one\n # two\n", "contains no secret")
	for _, binary := range []string{"a\x00b", "\xff", "one\ntwo\x7f", "\xff\xfeo\x00n\x00e\x00\r\x00\n\x00"} { // the last one is UTF-16
		bad(binary, "is no UTF-8 text")
	}
	bad("one\n"+publicPEM(t, rsaKey().Public()), "contains a PEM block")
	bad(strings.Repeat("x", maxKeyFileBytes+1), "larger than 1048576 bytes")
	if _, err := LoadKeys(KeySources{SecretFile: "absent"}); err == nil || err.Error() != `read secrets from "absent": no such file or directory` {
		t.Error(err)
	}
}

func TestAnySecretVerifies(t *testing.T) {
	long := strings.Repeat("x", 32)
	keys := load(t, KeySources{Secrets: []string{secret, "", long}, SecretFile: writeKeys(t, "third\n"+long+"y\n")})
	if keys.ShortSecrets() != 2 {
		t.Errorf("%d short secrets, want 2", keys.ShortSecrets())
	}
	v := newTestVerifier(t, Options{Keys: keys})
	for _, s := range []string{secret, long, "third", long + "y"} {
		checkAccepted(t, v, s, sign(t, jwt.SigningMethodHS512, []byte(s), nil), true)
	}
	for _, s := range []string{"", "fourth", "third\n", "other"} {
		checkAccepted(t, v, s, sign(t, jwt.SigningMethodHS256, []byte(s), nil), false)
	}
	if empty := load(t, KeySources{Secrets: []string{"", ""}}); len(empty.keys) != 0 || empty.ShortSecrets() != 0 {
		t.Error("an empty secret is a key")
	}
	many := make([]string, maxKeys+1)
	for i := range many {
		many[i] = fmt.Sprintf("hidden%d", i)
	}
	if _, err := LoadKeys(KeySources{Secrets: many}); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("%d secrets: %v", len(many), err)
	}
	load(t, KeySources{Secrets: many[1:]})
}

func TestPublicKeysAreReadFromPEM(t *testing.T) {
	another, ed := newRSA(2048), newEd25519()
	p256, p384, p521 := newECDSA(elliptic.P256()), newECDSA(elliptic.P384()), newECDSA(elliptic.P521())
	text := "\ufeff# -----BEGIN comment\ncomment\n" + strings.ReplaceAll(publicPEM(t, rsaKey().Public()), "\n", " \r\n\t") +
		pemBlock("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&another.PublicKey)) + "\n\n" +
		certificate(t, p256) + publicPEM(t, p384.Public()) + publicPEM(t, p521.Public()) + publicPEM(t, ed.Public())
	v := newTestVerifier(t, Options{Keys: load(t, KeySources{PublicKeyFile: writeKeys(t, text)})})
	f := func(method jwt.SigningMethod, private any) {
		t.Helper()
		checkAccepted(t, v, method.Alg(), sign(t, method, private, nil), true)
	}
	f(jwt.SigningMethodRS256, rsaKey())
	f(jwt.SigningMethodPS512, rsaKey())
	f(jwt.SigningMethodRS384, another)
	f(jwt.SigningMethodRS512, another)
	f(jwt.SigningMethodES256, p256)
	f(jwt.SigningMethodES384, p384)
	f(jwt.SigningMethodES512, p521)
	f(jwt.SigningMethodEdDSA, ed)
}

func TestBadPublicKeysAreRefused(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := LoadKeys(KeySources{PublicKeyFile: writeKeys(t, text)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "read public keys from ") {
			t.Errorf("%.60q: %v, want an error with %q", text, err, want)
		}
	}
	good := publicPEM(t, rsaKey().Public())
	f("", "no PEM block")
	f("secret", "no PEM block")
	f(good+"-----BEGIN PUBLIC KEY-----\nnonsense", "1 of its 2 PEM blocks are malformed")
	f(good[:len(good)-40]+"\n"+good, "PEM blocks are malformed")
	f(pemBlock("PUBLIC KEY", []byte("nonsense")), "block 1: ")
	f(good+pemBlock("CERTIFICATE", []byte("nonsense")), "block 2: ")
	f(pemBlock("RSA PUBLIC KEY", nil), "block 1: ")
	f(pemBlock("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), `it is a private key, "RSA PRIVATE KEY", want PUBLIC KEY`)
	f(pemBlock("ENCRYPTED PRIVATE KEY", []byte("nonsense")), `it is an encrypted private key, "ENCRYPTED PRIVATE KEY", want`)
	f("-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END EC PRIVATE KEY-----\n",
		`it is an encrypted private key, "EC PRIVATE KEY", want`)
	f(pemBlock("PARAMETERS", []byte("nonsense")), `it is "PARAMETERS", want`)
	t.Setenv("GODEBUG", "rsa1024min=0")
	f(publicPEM(t, newRSA(1024).Public()), "1024 bits")
	ofBits := func(bits uint) *rsa.PublicKey {
		return &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), bits-1), E: 3}
	}
	f(publicPEM(t, ofBits(9001)), "9001 bits")
	f(publicPEM(t, ofBits(8193)), "8193 bits, want 2048 to 8192")
	f(publicPEM(t, ofBits(2047)), "2047 bits, want 2048 to 8192")
	load(t, KeySources{PublicKeyFile: writeKeys(t, publicPEM(t, ofBits(2048))+publicPEM(t, ofBits(8192)))})
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	f(publicPEM(t, x25519.PublicKey()), "type *ecdh.PublicKey, want RSA, ECDSA or Ed25519")
	f(publicPEM(t, newECDSA(elliptic.P224()).Public()), "P-224")
	f(strings.Repeat("x", maxKeyFileBytes+1), "larger than")
	if _, err := LoadKeys(KeySources{PublicKeyFile: t.TempDir()}); err == nil {
		t.Error("LoadKeys reads a directory")
	}
}
