package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
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

// keyPair returns a key that signs by an algorithm, and the one that verifies.
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

// publicPEM returns a public key in PEM.
func publicPEM(t testing.TB, public crypto.PublicKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return block("PUBLIC KEY", der)
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certificate returns a certificate, long expired, that key has signed itself.
func certificate(t testing.TB, key crypto.Signer) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return block("CERTIFICATE", der)
}

func write(t testing.TB, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// accepts checks whether v takes a token.
func accepts(t testing.TB, v *Verifier, what, token string, want bool) {
	t.Helper()
	_, err := v.Verify([]byte(token))
	if want && err != nil {
		t.Errorf("%s is refused: %v", what, err)
	}
	if !want && (err == nil || !strings.Contains(err.Error(), "bad signature")) {
		t.Errorf("%s: %v, want a bad signature", what, err)
	}
}

func TestSecretsAreReadFromAFile(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		got, err := ReadSecrets(write(t, text))
		if err != nil || !slices.EqualFunc(got, want, func(a []byte, b string) bool { return string(a) == b }) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	f("one", "one")
	f("one\n", "one")
	f("one\r\n\r\ntwo\r\n", "one", "two")
	f("\n\n one \n\t\n#two=\"2\"\n", " one ", `#two="2"`)
	f("one\r\r\n", "one\r")
	f("a\x00b\xff", "a\x00b\xff")

	bad := func(text, want string) {
		t.Helper()
		if got, err := ReadSecrets(write(t, text)); err == nil || got != nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %.20q, %v, want an error with %q", text, got, err, want)
		}
	}
	bad("", "none in it")
	bad("\n \r\n", "none in it")
	bad(strings.Repeat("x", maxKeyFile+1), "larger than 1048576 bytes")
	if _, err := LoadKeys(KeySources{SecretFile: "absent"}); err == nil || err.Error() != `read secrets from "absent": no such file or directory` {
		t.Error(err)
	}
}

func TestAnySecretVerifies(t *testing.T) {
	long := strings.Repeat("x", 32)
	keys := load(t, KeySources{Secrets: []string{secret, "", long}, SecretFile: write(t, "third\n"+long+"y\n")})
	if keys.ShortSecrets() != 2 {
		t.Errorf("%d short secrets, want 2", keys.ShortSecrets())
	}
	v := newTestVerifier(t, Options{Keys: keys})
	for _, s := range []string{secret, long, "third", long + "y"} {
		accepts(t, v, s, sign(t, jwt.SigningMethodHS512, []byte(s), nil), true)
	}
	for _, s := range []string{"", "fourth", "third\n", "other"} {
		accepts(t, v, s, sign(t, jwt.SigningMethodHS256, []byte(s), nil), false)
	}
	if empty := load(t, KeySources{Secrets: []string{"", ""}}); len(empty.keys) != 0 || empty.ShortSecrets() != 0 {
		t.Error("an empty secret counts as one")
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
	text := "comment\n" + publicPEM(t, rsaKey().Public()) +
		block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&another.PublicKey)) + "\n\n" +
		certificate(t, p256) + publicPEM(t, p384.Public()) + publicPEM(t, p521.Public()) + publicPEM(t, ed.Public())
	v := newTestVerifier(t, Options{Keys: load(t, KeySources{PublicKeyFile: write(t, text)})})
	f := func(method jwt.SigningMethod, private any) {
		t.Helper()
		accepts(t, v, method.Alg(), sign(t, method, private, nil), true)
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
		_, err := LoadKeys(KeySources{PublicKeyFile: write(t, text)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "read public keys from ") {
			t.Errorf("%.60q: %v, want an error with %q", text, err, want)
		}
	}
	good := publicPEM(t, rsaKey().Public())
	f("", "no PEM block")
	f("secret", "no PEM block")
	f(good+"-----BEGIN PUBLIC KEY-----\nnonsense", "1 of its 2 PEM blocks are malformed")
	f(good[:len(good)-40]+"\n"+good, "PEM blocks are malformed")
	f(block("PUBLIC KEY", []byte("nonsense")), "block 1: ")
	f(good+block("CERTIFICATE", []byte("nonsense")), "block 2: ")
	f(block("RSA PUBLIC KEY", nil), "block 1: ")
	f(block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), `a "RSA PRIVATE KEY" is none of`)
	t.Setenv("GODEBUG", "rsa1024min=0")
	f(publicPEM(t, newRSA(1024).Public()), "1024 bits")
	f(publicPEM(t, &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 9000), E: 3}), "9001 bits")
	f(publicPEM(t, newECDSA(elliptic.P224()).Public()), "P-224")
	f(strings.Repeat("x", maxKeyFile+1), "larger than")
	if _, err := LoadKeys(KeySources{PublicKeyFile: t.TempDir()}); err == nil {
		t.Error("a directory is read")
	}
}

// TestKeysServeTheirAlgorithmsOnly shows each token to each key.
func TestKeysServeTheirAlgorithmsOnly(t *testing.T) {
	private, public := map[string]any{}, map[string]key{}
	for _, alg := range allMethods {
		private[alg], public[alg] = keyPair(alg)
	}
	family := func(alg string) string {
		switch alg[:2] {
		case "HS":
			return "HMAC"
		case "RS", "PS":
			return "RSA"
		}
		return alg
	}
	for _, signs := range allMethods {
		token := sign(t, jwt.GetSigningMethod(signs), private[signs], nil)
		for _, verifies := range allMethods {
			v := newTestVerifier(t, Options{Keys: &Keys{keys: []key{public[verifies]}}})
			accepts(t, v, signs+" with a key of "+verifies, token, family(signs) == family(verifies))
		}
	}
	// The library takes a key of any curve, as long as the signature has the
	// length of the algorithm's.
	small := newECDSA(elliptic.P256())
	k, err := newPublicKey(small.Public())
	if err != nil {
		t.Fatal(err)
	}
	v := newTestVerifier(t, Options{Keys: &Keys{keys: []key{k}}})
	wrong := &jwt.SigningMethodECDSA{Name: "ES512", Hash: crypto.SHA512, KeySize: 66, CurveBits: 256}
	token := sign(t, jwt.SigningMethodES256, small, nil)
	accepts(t, v, "ES256", token, true)
	accepts(t, v, "ES512 by P-256", widened(t, wrong, small), false)
}

// widened returns a token of method by a key of a smaller curve, its signature
// filled up with zeros to the length that the algorithm asks for.
func widened(t testing.TB, method *jwt.SigningMethodECDSA, private *ecdsa.PrivateKey) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+method.Name+`"}`)) + ".e30"
	hash := method.Hash.New()
	hash.Write([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, private, hash.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 2*method.KeySize)
	r.FillBytes(signature[:method.KeySize])
	s.FillBytes(signature[method.KeySize:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// TestAPublicKeyIsNoSecret signs by HMAC with all that is known of a public
// key.
func TestAPublicKeyIsNoSecret(t *testing.T) {
	pkix, err := x509.MarshalPKIXPublicKey(rsaKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	text := publicPEM(t, rsaKey().Public())
	known := [][]byte{
		[]byte(text), []byte(strings.TrimSpace(text)), pkix, x509.MarshalPKCS1PublicKey(&rsaKey().PublicKey),
		rsaKey().N.Bytes(), {}, []byte("-----BEGIN PUBLIC KEY-----"),
	}
	only := newTestVerifier(t, Options{Keys: load(t, KeySources{PublicKeyFile: write(t, text)})})
	beside := newTestVerifier(t, Options{Keys: load(t, KeySources{PublicKeyFile: write(t, text), Secrets: []string{secret}})})
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
		for _, secret := range known {
			token := sign(t, method, secret, nil)
			accepts(t, only, method.Alg(), token, false)
			accepts(t, beside, method.Alg(), token, false)
		}
		accepts(t, only, "a secret of others", sign(t, method, []byte(secret), nil), false)
		accepts(t, beside, "the secret", sign(t, method, []byte(secret), nil), true)
	}
	accepts(t, only, "RS256", sign(t, jwt.SigningMethodRS256, rsaKey(), nil), true)
	accepts(t, beside, "RS256", sign(t, jwt.SigningMethodRS256, rsaKey(), nil), true)
}

// TestATokenBringsNoKeyOfItsOwn signs with a key that stands in the header.
func TestATokenBringsNoKeyOfItsOwn(t *testing.T) {
	_, public := keyPair("RS256")
	v := newTestVerifier(t, Options{Keys: &Keys{keys: []key{public, {methods: hmacMethods, value: []byte(secret)}}}})
	own := newEd25519()
	x := base64.RawURLEncoding.EncodeToString(own.Public().(ed25519.PublicKey))
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{})
	token.Header["jwk"] = map[string]string{"kty": "OKP", "crv": "Ed25519", "x": x}
	token.Header["jku"], token.Header["x5u"] = "https://127.0.0.1:1/keys", "https://127.0.0.1:1/keys"
	token.Header["kid"] = "../../../../dev/null"
	text, err := token.SignedString(own)
	if err != nil {
		t.Fatal(err)
	}
	accepts(t, v, "a key of its own", text, false)
	for _, kid := range []string{"", "a", "../../dev/null", "' OR 1=1 --", "\x00"} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{})
		token.Header["kid"] = kid
		text, err := token.SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		accepts(t, v, "our secret by any name", text, true)
		if text, err = token.SignedString([]byte{}); err != nil {
			t.Fatal(err)
		}
		accepts(t, v, "no secret", text, false)
	}
}
