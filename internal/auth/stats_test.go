package auth

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestTokensAreCountedByResult verifies a token of each kind twice: results from the cache
// count, too.
func TestTokensAreCountedByResult(t *testing.T) {
	f := func(options Options, token string, want Stats) {
		t.Helper()
		v := newTestVerifier(t, options)
		for range 2 {
			_, _ = v.Verify([]byte(token))
		}
		if got := v.Stats(); got != want {
			t.Errorf("%+v: got %+v, want %+v", options, got, want)
		}
	}
	signed := func(claims jwt.MapClaims) string {
		return sign(t, jwt.SigningMethodHS256, []byte(secret), claims)
	}
	at := func(offset time.Duration) int64 { return now.Add(offset).Unix() }
	f(Options{}, signed(nil), Stats{Valid: 2})
	f(Options{}, "x", Stats{Malformed: 2})
	f(Options{}, "", Stats{Malformed: 2})
	f(Options{}, signPayload(t, `{"alg":"HS256","crit":["x"]}`, `{}`), Stats{Malformed: 2})
	f(Options{}, signPayload(t, `{"alg":"HS256"}`, `[]`), Stats{Malformed: 2})
	f(Options{}, signed(nil)[:20]+"."+"x", Stats{Malformed: 2})
	f(Options{}, sign(t, jwt.SigningMethodHS256, []byte("another"), nil), Stats{Signature: 2})
	f(Options{}, signed(jwt.MapClaims{"exp": at(-time.Hour)}), Stats{Expired: 2})
	f(Options{}, signed(jwt.MapClaims{"nbf": at(time.Hour)}), Stats{NotYetValid: 2})
	f(Options{}, signed(jwt.MapClaims{"exp": "x"}), Stats{Claims: 2})
	f(Options{}, signed(jwt.MapClaims{"types": 1}), Stats{Claims: 2})
	f(Options{RequireExp: true}, signed(nil), Stats{Claims: 2})
	f(Options{Issuer: "a"}, signed(nil), Stats{Claims: 2})
	f(Options{Audience: "a"}, signed(nil), Stats{Claims: 2})
	v := newTestVerifier(t, Options{})
	v.CountMissing()
	if got := v.Stats(); got != (Stats{Missing: 1}) {
		t.Errorf("got %+v, want one missing token", got)
	}
}

// TestDatesHaveARange checks the first and the last date of a claim, and those that are in
// milliseconds.
func TestDatesHaveARange(t *testing.T) {
	v := newTestVerifier(t, Options{})
	const seconds, milliseconds = "its claim iat is wrong", "want seconds, not milliseconds"
	for date, want := range map[int64]string{
		-62135596800: seconds, -62135596799: "", -1: "", 0: "", 253402300799: "not valid yet",
		253402300800: milliseconds, 1_700_000_000_000: milliseconds, 253402300799000: milliseconds, 253402300799001: seconds,
	} {
		_, err := v.Verify([]byte(signPayload(t, `{"alg":"HS256"}`, `{"iat":`+strconv.FormatInt(date, 10)+`}`)))
		if (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d: got %v, want %q", date, err, want)
		}
	}
}
