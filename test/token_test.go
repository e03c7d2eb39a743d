package test

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// newToken returns a token signed with secret that is good for an hour.
func newToken(t testing.TB, secret string) string {
	t.Helper()
	claims := jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}
