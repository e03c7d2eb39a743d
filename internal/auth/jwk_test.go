package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

type members map[string]any

// jwk returns a public key as a JWK with additional members.
func jwk(public crypto.PublicKey, more members) members {
	b64 := base64.RawURLEncoding.EncodeToString
	m := members{}
	switch public := public.(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", public.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(public)
	}
	for name, value := range more {
		m[name] = value
	}
	return m
}

// jwks returns a JWK set.
func jwks(keys ...members) string {
	text, err := json.Marshal(map[string][]members{"keys": append([]members{}, keys...)})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// signWithKeyID returns a token whose header names a key.
func signWithKeyID(t testing.TB, method jwt.SigningMethod, private any, kid string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims{})
	token.Header["kid"] = kid
	text, err := token.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// newKeySetVerifier returns a Verifier that has fetched the JWK set in text.
func newKeySetVerifier(t testing.TB, text string) *Verifier {
	t.Helper()
	keys, err := parseKeySet([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v := newTestVerifier(t, Options{JWKSURL: "https://unused.example/", Keys: &Keys{}})
	v.setFetched(keys)
	return v
}

func TestJWKMembers(t *testing.T) {
	p256, p384, ed := newECDSA(elliptic.P256()), newECDSA(elliptic.P384()), newEd25519()
	rs, ps, es := jwt.SigningMethodRS256, jwt.SigningMethodPS256, jwt.SigningMethodES256
	f := func(key members, method jwt.SigningMethod, private any, kid string, want bool) {
		t.Helper()
		v := newKeySetVerifier(t, jwks(members{"kty": "new"}, key, members{}))
		token := sign(t, method, private, nil)
		if kid != "" {
			token = signWithKeyID(t, method, private, kid)
		}
		text, _ := json.Marshal(key)
		checkAccepted(t, v, method.Alg()+" by "+kid+" of "+string(text), token, want)
	}
	public := rsaKey().Public()
	f(jwk(public, nil), rs, rsaKey(), "", true)
	f(jwk(public, nil), ps, rsaKey(), "", true)
	f(jwk(public, nil), rs, rsaKey(), "a", true)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "a", true)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "b", false)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "A", false)
	f(jwk(public, members{"alg": "RS256"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"alg": "RS256"}), ps, rsaKey(), "", false)
	f(jwk(public, members{"alg": "HS256"}), jwt.SigningMethodHS256, public.(*rsa.PublicKey).N.Bytes(), "", false)
	f(jwk(public, members{"alg": "none"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"use": "sig"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"use": "enc"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"use": "other"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"use": 1}), rs, rsaKey(), "", false)
	f(jwk(public, members{"key_ops": []string{"verify"}}), rs, rsaKey(), "", true)
	f(jwk(public, members{"key_ops": []string{"encrypt"}}), rs, rsaKey(), "", false)
	f(jwk(public, members{"key_ops": []string{}}), rs, rsaKey(), "", false)
	f(jwk(public, members{"e": "AAAAAAAAAAAAAQAB"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"e": "AQAAAAAAAQAB"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"n": ""}), rs, rsaKey(), "", false)
	f(jwk(public, members{"x5c": []string{"nonsense"}, "x5u": "http://127.0.0.1:1/", "x5t#S256": "x"}), rs, rsaKey(), "", true)
	f(jwk(p256.Public(), nil), es, p256, "", true)
	f(jwk(p384.Public(), nil), jwt.SigningMethodES384, p384, "", true)
	f(jwk(p256.Public(), members{"alg": "ES384"}), es, p256, "", false)
	f(jwk(p256.Public(), members{"crv": "P-384"}), es, p256, "", false)
	f(jwk(p256.Public(), members{"crv": "secp256k1"}), es, p256, "", false)
	f(jwk(p256.Public(), members{"x": "AAAA"}), es, p256, "", false)
	f(jwk(p256.Public(), nil), rs, rsaKey(), "", false)
	f(jwk(ed.Public(), nil), jwt.SigningMethodEdDSA, ed, "", true)
	f(jwk(ed.Public(), members{"alg": "EdDSA"}), jwt.SigningMethodEdDSA, ed, "", true)
	f(jwk(ed.Public(), members{"alg": "Ed25519"}), jwt.SigningMethodEdDSA, ed, "", true)
	f(jwk(ed.Public(), members{"alg": "Ed448"}), jwt.SigningMethodEdDSA, ed, "", false)
	f(jwk(public, members{"alg": "Ed25519"}), rs, rsaKey(), "", false)
	f(jwk(ed.Public(), members{"crv": "X25519"}), jwt.SigningMethodEdDSA, ed, "", false)

	oct := members{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte(secret)), "alg": "HS256", "use": "sig"}
	f(oct, jwt.SigningMethodHS256, []byte(secret), "", false)
	t.Setenv("GODEBUG", "rsa1024min=0")
	weak := newRSA(1024)
	f(jwk(weak.Public(), nil), rs, weak, "", false)
}

func TestBadKeySet(t *testing.T) {
	for _, text := range []string{
		"", "x", "[]", "null", "1", "{}", `{"keys":null}`, `{"keys":{}}`, `{"keys":[1]} x`, `{"Keys":[]}`, `{"keys":[],"keys":[]}`, "<html>",
		`{"keys":[{}` + strings.Repeat(",{}", maxKeys) + `]}`,
	} {
		if keys, err := parseKeySet([]byte(text)); err == nil || keys != nil {
			t.Errorf("%.30q: %v, %v", text, keys, err)
		}
	}
	weak := jwks(jwk(&rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 1023), E: 65537}, nil))
	for _, text := range []string{weak, `{"keys":[]}`, `{"keys":[1,null,"x",[],{}]}`, `{"keys":[{"kty":"RSA","kid":1}],"more":1}`} {
		if keys, err := parseKeySet([]byte(text)); err != nil || len(keys) != 0 || keys == nil {
			t.Errorf("%s: %v, %v", text, keys, err)
		}
	}
}
