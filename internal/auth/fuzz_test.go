package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/metric"
)

// FuzzVerify checks that every accepted token was signed with the secret. It
// computes the signature without the library.
func FuzzVerify(f *testing.F) {
	for _, claims := range []string{`{}`, `{"sub":"page","metrics":["web.*"],"types":["count"],"prefix":"p"}`, `{"exp":9999999999,"nbf":1}`, `{"exp":1}`, `[]`} {
		f.Add([]byte(signPayload(f, `{"alg":"HS256","typ":"JWT"}`, claims)))
	}
	f.Add([]byte(sign(f, jwt.SigningMethodHS512, []byte(secret), nil)))
	f.Add([]byte(sign(f, jwt.SigningMethodHS384, []byte("other"), nil)))
	f.Add([]byte(sign(f, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil)))
	f.Add([]byte("a.b.c"))
	v := newTestVerifier(f, Options{})
	algorithms := map[string]func() hash.Hash{`"HS256"`: sha256.New, `"HS384"`: sha512.New384, `"HS512"`: sha512.New}
	f.Fuzz(func(t *testing.T, token []byte) {
		given := bytes.Clone(token)
		grant, err := v.Verify(token)
		if !bytes.Equal(token, given) {
			t.Fatal("Verify changed the token")
		}
		if (grant == nil) != (err != nil) {
			t.Fatalf("%v, %v", grant, err)
		}
		if err != nil {
			return
		}
		text, signature, _ := strings.Cut(string(token), ".")
		header, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		claims, signature, _ := strings.Cut(signature, ".")
		for name, algorithm := range algorithms {
			sum := hmac.New(algorithm, []byte(secret))
			sum.Write([]byte(text + "." + claims))
			if bytes.Contains(header, []byte(name)) && signature == base64.RawURLEncoding.EncodeToString(sum.Sum(nil)) {
				return
			}
		}
		t.Fatalf("%q is accepted", token)
	})
}

// FuzzClaims verifies tokens with a good signature. A grant must come from the
// claims, and an error must not contain them.
func FuzzClaims(f *testing.F) {
	f.Add(`{"sub":"page","metrics":["web.*"],"types":["count"],"prefix":"p"}`)
	f.Add(`{"metrics":[],"types":[],"prefix":""}`)
	f.Add(`{"metrics":null,"exp":9999999999.5,"nbf":-1,"aud":["a"],"iss":"i"}`)
	f.Add(`{"exp":-62135596800}`)
	f.Add(`{"metrics":"*","metrics":"a"}`)
	f.Add(`{"tags":["env"],"rate":0.5,"burst":1e3,"max_series":100}`)
	v := newTestVerifier(f, Options{})
	f.Fuzz(func(t *testing.T, claims string) {
		grant, err := v.Verify([]byte(signPayload(t, `{"alg":"HS256"}`, claims)))
		if err != nil {
			if strings.Contains(err.Error(), "\n") || len(err.Error()) > 80 {
				t.Fatalf("the error is %q", err)
			}
			return
		}
		for name, limited := range map[string]bool{
			"metrics": grant.Metrics != nil, "tags": grant.Tags != nil, "rate": grant.Rate != 0, "burst": grant.Burst != 0,
			"max_series": grant.MaxSeries != 0, "types": grant.Kinds != metric.AllKinds, "prefix": len(grant.Prefix) > 0, "sub": grant.Subject != "",
		} {
			if limited && !strings.Contains(claims, `"`+name+`"`) && !strings.Contains(claims, `\`) {
				t.Fatalf("%s: the grant has %s, which the claims do not: %+v", claims, name, grant)
			}
		}
		if metric.CheckPrefix(string(grant.Prefix)) != nil {
			t.Fatalf("%s: prefix %q", claims, grant.Prefix)
		}
	})
}
