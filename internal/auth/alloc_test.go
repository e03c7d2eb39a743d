//go:build !race

package auth

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

func TestCachedTokenAllocatesNothing(t *testing.T) {
	v := newTestVerifier(t, Options{Issuer: "login"})
	token := []byte(sign(t, jwt.SigningMethodHS256, []byte(secret), jwt.MapClaims{"iss": "login", "metrics": []string{"web.*"}}))
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := v.Verify(token); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
