package auth

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const secret = "somesecret"

// now is the current time in tests.
var now = time.Unix(1_700_000_000, 0)

// newTestVerifier returns a Verifier whose clock stands at now. Without
// options.Keys it verifies tokens that are signed with secret.
func newTestVerifier(t testing.TB, options Options) *Verifier {
	t.Helper()
	if options.Keys == nil {
		options.Keys = load(t, KeySources{Secrets: []string{secret}})
	}
	v, err := newVerifier(options)
	if err != nil {
		t.Fatal(err)
	}
	v.now = func() time.Time { return now }
	return v
}

func load(t testing.TB, s KeySources) *Keys {
	t.Helper()
	k, err := LoadKeys(s)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	if claims == nil {
		claims = jwt.MapClaims{} // nil would become a JSON null
	}
	token, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// signPayload returns a token with the given header and payload, which need not
// be JSON.
func signPayload(t testing.TB, header, payload string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestGoodTokenIsAccepted(t *testing.T) {
	v := newTestVerifier(t, Options{Leeway: DefaultLeeway})
	f := func(claims jwt.MapClaims) {
		t.Helper()
		for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
			token := []byte(sign(t, method, []byte(secret), claims))
			for range 2 { // the second time from the cache
				if _, err := v.Verify(token); err != nil {
					t.Errorf("%s with %v is rejected: %v", method.Alg(), claims, err)
				}
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
	if _, err := v.Verify([]byte(signPayload(t, `{"alg":"HS256"}`, `{}`))); err != nil {
		t.Errorf("a token without typ is rejected: %v", err)
	}
}

func TestBadTokenIsRefused(t *testing.T) {
	v := newTestVerifier(t, Options{Leeway: DefaultLeeway})
	f := func(token, want string) {
		t.Helper()
		grant, err := v.Verify([]byte(token))
		if grant != nil {
			t.Errorf("%q: got grant %v, want none", token, grant)
		}
		if err == nil {
			t.Errorf("%q is accepted, want an error with %q", token, want)
			return
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got error %q, want one with %q", token, err, want)
		}
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 3 && strings.Contains(err.Error(), part) {
				t.Errorf("the error %q contains a part of the token", err)
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
	for _, value := range []any{[]any{"a", 1}, []any{nil}, map[string]int{}, true} {
		claims(jwt.MapClaims{"aud": value}, "claim aud is wrong")
	}
	for _, out := range []string{"1e300", "9.3e18", "-1e300", "1e999", "-62135596800"} {
		for _, name := range []string{"exp", "nbf", "iat"} {
			f(signPayload(t, `{"alg":"HS256"}`, `{"`+name+`":`+out+`}`), "malformed")
		}
	}
	f(signPayload(t, `{"alg":"HS256"}`, `{"exp":1,"EXP":9999999999}`), "expired")
	f(signPayload(t, `{"alg":"HS256"}`, `{"exp":9999999999,"exp":1}`), "malformed")
	f(signPayload(t, `{"alg":"HS256"}`, `null`), "malformed")
	f(signPayload(t, `{"alg":"HS256"}`, `"x"`), "malformed")
	f(signPayload(t, `{"alg":"HS256"}`, `5`), "malformed")

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
	f(signPayload(t, `{"alg":"HS256"}`, `[]`), "malformed")
	f(signPayload(t, `{"alg":"HS256"}`, `{"exp":1`), "malformed")
	f(signPayload(t, `{"alg":"HS256","crit":["x"],"x":1}`, `{}`), "critical")
	f(signPayload(t, `{"alg":"HS512"}`, `{}`), "bad signature")
	f(signPayload(t, `{"alg":"hs256"}`, `{}`), "")
	f(signPayload(t, `{}`, `{}`), "")

	f(good+"\n", "malformed")
	f(parts[0]+"\r\n."+parts[1]+"."+parts[2], "malformed")
	f(good+"=", "malformed")
	f(signPayload(t, `{"alg":"HS256"}`, `{"x":"`+strings.Repeat("a", maxTokenBytes)+`"}`), "malformed")
	f(signPayload(t, `{"alg":"HS256","crit":[]}`, `{}`), "critical")
	f(signPayload(t, `{"alg":"HS256","crit":null}`, `{}`), "critical")
	f(signPayload(t, `{"alg":"HS256","b64":false,"crit":["b64"]}`, `{}`), "critical")
	for _, kid := range []string{`1`, `null`, `["a"]`, `{"a":1}`, `true`} {
		f(signPayload(t, `{"alg":"HS256","kid":`+kid+`}`, `{}`), "malformed")
	}
	f(signPayload(t, `{"alg":["HS256"]}`, `{}`), "malformed")
	f(signPayload(t, `{"alg":"HS256"}`, `{} {}`), "malformed")
	f(signPayload(t, `{"alg":"HS256"}`, "{\"sub\":\"\xff\"}"), "malformed")

	for _, none := range []string{"none", "None", "NONE", "nOnE", "", "none "} {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + none + `"}`))
		for _, signature := range []string{"", parts[2], "bm9uZQ"} {
			f(header+"."+parts[1]+"."+signature, "")
		}
	}
	f(sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil), "algorithm")
	f(sign(t, jwt.SigningMethodRS256, rsaKey(), nil), "algorithm")
	f(sign(t, jwt.SigningMethodPS256, rsaKey(), nil), "algorithm")
}

// TestTokenHasOneSpelling changes the bits that base64 leaves unused.
func TestTokenHasOneSpelling(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	v := newTestVerifier(t, Options{})
	good := sign(t, jwt.SigningMethodHS256, []byte(secret), nil) // the last 2 bits of its signature are unused
	last := strings.IndexByte(alphabet, good[len(good)-1])
	if _, err := v.Verify([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for bits := 1; bits < 4; bits++ {
		other := good[:len(good)-1] + string(alphabet[last^bits])
		if _, err := v.Verify([]byte(other)); err == nil {
			t.Errorf("a token with the unused bits %b is accepted", bits)
		}
	}
	if _, err := v.Verify([]byte(good)); err != nil {
		t.Error(err)
	}
}

func TestRules(t *testing.T) {
	f := func(options Options, claims jwt.MapClaims, want string) {
		t.Helper()
		_, err := newTestVerifier(t, options).Verify([]byte(sign(t, jwt.SigningMethodHS256, []byte(secret), claims)))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v under %+v: %v, want %q", claims, options, err, want)
		}
	}
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	issuer := Options{Issuer: "login"}
	f(issuer, jwt.MapClaims{"iss": "login"}, "")
	f(issuer, nil, "wrong issuer")
	f(issuer, jwt.MapClaims{"iss": nil}, "wrong issuer")
	f(issuer, jwt.MapClaims{"iss": ""}, "wrong issuer")
	f(issuer, jwt.MapClaims{"iss": "Login"}, "wrong issuer")
	f(issuer, jwt.MapClaims{"ISS": "login"}, "wrong issuer")
	f(issuer, jwt.MapClaims{"iss": []string{"login"}}, "malformed")

	audience := Options{Audience: "metrics"}
	f(audience, jwt.MapClaims{"aud": "metrics"}, "")
	f(audience, jwt.MapClaims{"aud": []string{"shop", "metrics"}}, "")
	f(audience, nil, "another audience")
	f(audience, jwt.MapClaims{"aud": "metrics2"}, "another audience")
	f(audience, jwt.MapClaims{"aud": []string{}}, "another audience")
	f(audience, jwt.MapClaims{"aud": []string{"shop"}}, "another audience")
	f(Options{}, jwt.MapClaims{"aud": "anything", "iss": "anybody"}, "")

	require := Options{RequireExp: true}
	f(require, jwt.MapClaims{"exp": at(time.Hour)}, "")
	f(require, nil, "no exp")
	f(require, jwt.MapClaims{"exp": nil}, "no exp")
	f(require, jwt.MapClaims{"EXP": at(time.Hour)}, "no exp")
	f(require, jwt.MapClaims{"exp": 0}, "expired")

	f(Options{}, jwt.MapClaims{"nbf": at(0), "iat": at(0)}, "")
	f(Options{}, jwt.MapClaims{"nbf": at(time.Second)}, "not valid yet")
	f(Options{}, jwt.MapClaims{"iat": at(time.Second)}, "not valid yet")
	f(Options{Leeway: time.Minute}, jwt.MapClaims{"nbf": at(time.Minute), "iat": at(time.Minute)}, "")
	f(Options{Leeway: time.Minute}, jwt.MapClaims{"nbf": at(61 * time.Second)}, "not valid yet")
	f(Options{Leeway: time.Minute}, jwt.MapClaims{"exp": at(0)}, "expired")
}

func TestVerifierWithoutKeySet(t *testing.T) {
	if got := newTestVerifier(t, Options{}).JWKSLastSuccess(); got != 0 {
		t.Errorf("without a JWK set the last success is at %d, want 0", got)
	}
}

func TestVerifierNeedsAKey(t *testing.T) {
	for _, keys := range []*Keys{nil, {}} {
		if _, err := New(Options{Keys: keys}); err == nil {
			t.Error("New succeeds without a key")
		}
	}
	for _, url := range []string{"x", "file:///etc/passwd", "https://", "http:///keys", "https://u:secret@", "\x7f"} {
		_, err := New(Options{JWKSURL: url})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodRS256, jwt.SigningMethodES256, jwt.SigningMethodEdDSA} {
		private, public := keyPair(method.Alg())
		keys := &Keys{keys: []key{public}}
		claims := jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix(), "sub": "page", "metrics": []string{"web.*"}, "types": []string{"count", "timing"}}
		token := []byte(sign(b, method, private, claims))
		for _, name := range []string{"hit", "miss"} {
			b.Run(method.Alg()+"/"+name, func(b *testing.B) {
				v, err := New(Options{Keys: keys})
				if err != nil {
					b.Fatal(err)
				}
				defer v.Close()
				b.ReportAllocs()
				for b.Loop() {
					if _, err := v.Verify(token); err != nil {
						b.Fatal(err)
					}
					if name == "miss" {
						v.current.Load().cache.remove(token)
					}
				}
			})
		}
	}
}
