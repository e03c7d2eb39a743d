package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestKeysServeTheirAlgorithmsOnly verifies tokens of each algorithm with keys
// for each algorithm.
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
			checkAccepted(t, v, signs+" with a key of "+verifies, token, family(signs) == family(verifies))
		}
	}
	// The library accepts a key on another curve if the signature has the right
	// length.
	small := newECDSA(elliptic.P256())
	k, err := newPublicKey(small.Public())
	if err != nil {
		t.Fatal(err)
	}
	v := newTestVerifier(t, Options{Keys: &Keys{keys: []key{k}}})
	wrong := &jwt.SigningMethodECDSA{Name: "ES512", Hash: crypto.SHA512, KeySize: 66, CurveBits: 256}
	token := sign(t, jwt.SigningMethodES256, small, nil)
	checkAccepted(t, v, "ES256", token, true)
	checkAccepted(t, v, "ES512 by P-256", widened(t, wrong, small), false)
}

// TestEd25519HasTwoNames verifies a token whose algorithm has the name of
// RFC 9864.
func TestEd25519HasTwoNames(t *testing.T) {
	private, public := keyPair("EdDSA")
	_, other := keyPair("EdDSA")
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"Ed25519"}`)) + ".e30"
	signature, err := jwt.SigningMethodEdDSA.Sign(text, private)
	if err != nil {
		t.Fatal(err)
	}
	token := text + "." + base64.RawURLEncoding.EncodeToString(signature)
	checkAccepted(t, newTestVerifier(t, Options{Keys: &Keys{keys: []key{public}}}), "Ed25519", token, true)
	checkAccepted(t, newTestVerifier(t, Options{Keys: &Keys{keys: []key{other}}}), "Ed25519 with another key", token, false)
	checkAccepted(t, newTestVerifier(t, Options{}), "Ed25519 with a secret", token, false)
}

// widened returns a token that claims to be signed by method. Its key is on a
// smaller curve, and zeros fill the signature to the right length.
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

// TestAPublicKeyIsNoSecret signs by HMAC with forms of the public key, which
// attackers know.
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
	publicOnly := newTestVerifier(t, Options{Keys: load(t, KeySources{PublicKeyFile: writeKeys(t, text)})})
	withSecret := newTestVerifier(t, Options{Keys: load(t, KeySources{PublicKeyFile: writeKeys(t, text), Secrets: []string{secret}})})
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
		for _, secret := range known {
			token := sign(t, method, secret, nil)
			checkAccepted(t, publicOnly, method.Alg(), token, false)
			checkAccepted(t, withSecret, method.Alg(), token, false)
		}
		checkAccepted(t, publicOnly, "a secret of others", sign(t, method, []byte(secret), nil), false)
		checkAccepted(t, withSecret, "the secret", sign(t, method, []byte(secret), nil), true)
	}
	checkAccepted(t, publicOnly, "RS256", sign(t, jwt.SigningMethodRS256, rsaKey(), nil), true)
	checkAccepted(t, withSecret, "RS256", sign(t, jwt.SigningMethodRS256, rsaKey(), nil), true)
}

// TestATokenBringsNoKeyOfItsOwn signs with a key that the token's header
// contains.
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
	checkAccepted(t, v, "a key of its own", text, false)
	for _, kid := range []string{"", "a", "../../dev/null", "' OR 1=1 --", "\x00"} {
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{})
		token.Header["kid"] = kid
		text, err := token.SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		checkAccepted(t, v, "our secret by any name", text, true)
		if text, err = token.SignedString([]byte{}); err != nil {
			t.Fatal(err)
		}
		checkAccepted(t, v, "no secret", text, false)
	}
}
