package auth

import (
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestErrorsHaveHints checks the errors for frequent mistakes.
func TestErrorsHaveHints(t *testing.T) {
	v := newTestVerifier(t, Options{})
	f := func(token, want string) {
		t.Helper()
		if _, err := v.Verify([]byte(token)); err == nil || err.Error() != "the token "+want {
			t.Errorf("%.80q: got error %v, want %q", token, err, "the token "+want)
		}
	}
	good := sign(t, jwt.SigningMethodHS256, []byte(secret), nil)
	f(" "+good, "is malformed: it contains a blank or a line break")
	f(good+"\n", "is malformed: it contains a blank or a line break")
	f("Bearer "+good, "is malformed: it contains a blank or a line break")
	f(`"`+good+`"`, "is malformed: it contains quotation marks")
	f("'"+good+"'", "is malformed: it contains quotation marks")
	f(secret, "is malformed: want three parts with a dot between them")
	f("", "is malformed: want three parts with a dot between them")
	f(good+".x", "is malformed: want three parts with a dot between them")
	f("é"+good, "is malformed")
	f(strings.Repeat("a", maxTokenBytes+1), "is malformed: it is longer than 16384 bytes")
	f(sign(t, jwt.SigningMethodHS256, []byte("another"), nil), "has a bad signature: another secret or key signed it")
	f(sign(t, jwt.SigningMethodRS256, rsaKey(), nil), "has a bad signature: no key here is for its algorithm and key ID")
	for _, name := range []string{"exp", "nbf", "iat"} {
		claims := jwt.MapClaims{name: now.UnixMilli()}
		f(sign(t, jwt.SigningMethodHS256, []byte(secret), claims), "is malformed: its claim "+name+" is wrong: want seconds, not milliseconds")
	}
	f(signPayload(t, `{"alg":"HS256"}`, `{"exp":1e300}`), "is malformed: its claim exp is wrong")
	f(sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"exp": 1}), "is expired")
}

// TestTokenOfMaximumLength has a token of exactly maxTokenBytes.
func TestTokenOfMaximumLength(t *testing.T) {
	v := newTestVerifier(t, Options{})
	for padding := maxTokenBytes / 2; ; padding++ {
		token := sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"padding": strings.Repeat("a", padding)})
		_, err := v.Verify([]byte(token))
		if isAccepted := err == nil; isAccepted != (len(token) <= maxTokenBytes) {
			t.Fatalf("a token of %d bytes: got error %v", len(token), err)
		}
		if len(token) == maxTokenBytes {
			return
		}
		if len(token) > maxTokenBytes {
			t.Fatalf("there is no token of %d bytes", maxTokenBytes)
		}
		padding += max(0, (maxTokenBytes-len(token))*3/4-8)
	}
}
