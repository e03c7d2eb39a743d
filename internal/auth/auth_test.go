package auth

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const secret = "somesecret"

// now is the time on the clock of the tests.
var now = time.Unix(1_700_000_000, 0)

func verify(token string) error {
	return newVerifier(secret, func() time.Time { return now }).Verify([]byte(token))
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	if claims == nil {
		claims = jwt.MapClaims{} // which nil is not in JSON
	}
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// signed returns a token with the given payload, which may be no JSON.
func signed(t *testing.T, header, payload string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestGoodTokenIsAccepted(t *testing.T) {
	f := func(claims jwt.MapClaims) {
		t.Helper()
		for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
			if err := verify(sign(t, method, []byte(secret), claims)); err != nil {
				t.Errorf("%s with %v is refused: %v", method.Alg(), claims, err)
			}
		}
	}
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	f(nil)
	f(jwt.MapClaims{"sub": "page", "custom": []int{1}})
	f(jwt.MapClaims{"exp": at(time.Second), "nbf": at(0), "iat": at(0)})
	f(jwt.MapClaims{"nbf": at(5 * time.Second), "iat": at(5 * time.Second)})
	f(jwt.MapClaims{"exp": nil, "nbf": nil, "iat": nil})
	f(jwt.MapClaims{"exp": float64(at(0)) + 1.5})
	f(jwt.MapClaims{"EXP": 1, "Nbf": "never", "aud": []string{"a"}, "iss": "i", "jti": "j"})
	f(jwt.MapClaims{"exp": 253402300799})
	if err := verify(signed(t, `{"alg":"HS256"}`, `{}`)); err != nil {
		t.Errorf("a token without typ is refused: %v", err)
	}
}

func TestBadTokenIsRefused(t *testing.T) {
	f := func(token, want string) {
		t.Helper()
		err := verify(token)
		if err == nil {
			t.Errorf("%q is accepted, want an error with %q", token, want)
			return
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is refused with %q, want %q in it", token, err, want)
		}
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 3 && strings.Contains(err.Error(), part) {
				t.Errorf("the error %q repeats a part of the token", err)
			}
		}
	}
	claims := func(claims jwt.MapClaims, want string) {
		t.Helper()
		f(sign(t, jwt.SigningMethodHS256, []byte(secret), claims), want)
	}
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	claims(jwt.MapClaims{"exp": at(0)}, "expired")
	claims(jwt.MapClaims{"exp": at(-time.Second)}, "expired") // no leeway
	claims(jwt.MapClaims{"exp": at(-time.Hour)}, "expired")
	claims(jwt.MapClaims{"nbf": at(6 * time.Second)}, "not valid yet")
	claims(jwt.MapClaims{"iat": at(6 * time.Second)}, "not valid yet")
	for _, name := range []string{"exp", "nbf", "iat"} {
		for _, value := range []any{"tomorrow", "9999999999", true, []int{1}, map[string]int{}} {
			claims(jwt.MapClaims{name: value}, "malformed")
		}
	}
	for _, name := range []string{"sub", "iss", "jti", "aud"} {
		claims(jwt.MapClaims{name: 1}, "malformed")
	}
	for _, out := range []string{"1e300", "9.3e18", "-1e300", "1e999"} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			f(signed(t, `{"alg":"HS256"}`, `{"`+name+`":`+out+`}`), "malformed")
		}
	}
	f(signed(t, `{"alg":"HS256"}`, `{"exp":1,"EXP":9999999999}`), "expired")
	f(signed(t, `{"alg":"HS256"}`, `{"exp":9999999999,"exp":1}`), "malformed")
	f(signed(t, `{"alg":"HS256"}`, `null`), "malformed")
	f(signed(t, `{"alg":"HS256"}`, `"x"`), "malformed")
	f(signed(t, `{"alg":"HS256"}`, `5`), "malformed")

	good := sign(t, jwt.SigningMethodHS256, []byte(secret), nil)
	parts := strings.Split(good, ".")
	f("", "malformed")
	f("x", "malformed")
	f("a.b.c", "malformed")
	f(good+".d", "malformed")
	f(parts[0]+"."+parts[1], "malformed")
	f(parts[0]+"."+parts[1]+".", "bad signature")
	f(parts[0]+".e30x."+parts[2], "")
	f(sign(t, jwt.SigningMethodHS256, []byte("another"), nil), "bad signature")
	f(sign(t, jwt.SigningMethodHS256, []byte(""), nil), "bad signature")
	f(signed(t, `{"alg":"HS256"}`, `[]`), "malformed")
	f(signed(t, `{"alg":"HS256"}`, `{"exp":1`), "malformed")
	f(signed(t, `{"alg":"HS256","crit":["x"],"x":1}`, `{}`), "critical")
	f(signed(t, `{"alg":"HS512"}`, `{}`), "bad signature")
	f(signed(t, `{"alg":"hs256"}`, `{}`), "")
	f(signed(t, `{}`, `{}`), "")

	f(sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), "algorithm")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f(sign(t, jwt.SigningMethodRS256, key, nil), "algorithm")
	f(sign(t, jwt.SigningMethodPS256, key, nil), "algorithm")
}

func BenchmarkVerify(b *testing.B) {
	v := NewVerifier(secret)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()}).SignedString([]byte(secret))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify([]byte(token)); err != nil {
			b.Fatal(err)
		}
	}
}
