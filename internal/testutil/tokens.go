package testutil

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// LongSecret is a secret for tokens. It is long enough that the program logs no
// warning.
const LongSecret = "0123456789abcdef0123456789abcdef"

// NewToken returns a token that is signed with secret and valid for an hour.
func NewToken(t testing.TB, secret string) string {
	t.Helper()
	return TokenUntil(t, secret, time.Now().Add(time.Hour))
}

// TokenUntil returns a token that is signed with secret and expires at end.
func TokenUntil(t testing.TB, secret string, end time.Time) string {
	t.Helper()
	claims := jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(end)}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// PrintToken returns the token that the program's token command prints for args.
func PrintToken(t testing.TB, secret string, args ...string) string {
	t.Helper()
	cmd := ProxyCommand(t, append([]string{"token"}, args...)...)
	cmd.Env = append(cmd.Env, "STATSD_HTTP_PROXY_JWT_SECRET="+secret)
	return strings.TrimSuffix(MustRun(t, cmd), "\n")
}
