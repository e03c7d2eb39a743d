package auth

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestEmptyKeySet has the provider return sets without usable keys. The last keys
// stay in use for emptySetGrace.
func TestEmptyKeySet(t *testing.T) {
	key := newEd25519()
	good := jwks(jwk(key.Public(), nil))
	token := sign(t, jwt.SigningMethodEdDSA, key, nil)
	for name, empty := range map[string]string{
		"no keys":          jwks(),
		"no usable keys":   jwks(jwk(key.Public(), members{"use": "enc"})),
		"malformed keys":   `{"keys":[{"kty":"RSA"},1]}`,
		"spaces, no keys ": ` { "keys" : [ ] } `,
	} {
		t.Run(name, func(t *testing.T) {
			withProvider(t, good, func(t *testing.T, p *provider, v *Verifier) {
				fetched := v.JWKSLastSuccess()
				if fetched != time.Now().Unix() {
					t.Errorf("the last success is at %d, want %d", fetched, time.Now().Unix())
				}
				checkAccepted(t, v, "before", token, true)
				p.serve(empty)
				time.Sleep(refreshInterval + time.Second) // the first empty set comes after refreshInterval
				synctest.Wait()
				checkAccepted(t, v, "at the first empty set", token, true)
				if text := p.log.String(); !strings.Contains(text, "level=WARN") || !strings.Contains(text, errEmptySet.Error()) {
					t.Errorf("the log does not mention the empty set: %s", text)
				}
				before := p.fetches.Load()
				time.Sleep(emptySetGrace - 2*time.Second)
				synctest.Wait()
				checkAccepted(t, v, "at the end of the grace", token, true)
				if got, want := p.fetches.Load()-before, int64(emptySetGrace/retryInterval)-1; got != want {
					t.Errorf("got %d fetches during the grace, want %d", got, want)
				}
				if v.JWKSLastSuccess() != fetched {
					t.Error("an empty set counts as a success")
				}

				time.Sleep(2 * retryInterval)
				synctest.Wait()
				checkAccepted(t, v, "after the grace", token, false)
				if got := strings.Count(p.log.String(), "dropped the keys"); got != 1 {
					t.Errorf("the log mentions the dropped keys %d times, want once: %s", got, &p.log)
				}

				p.serve(good)
				time.Sleep(retryInterval)
				synctest.Wait()
				checkAccepted(t, v, "after a good set", token, true)
				if got, now := v.JWKSLastSuccess(), time.Now().Unix(); got == fetched || got > now {
					t.Errorf("the last success is at %d, now is %d", got, now)
				}
			})
		})
	}
}

// TestGoodKeySetEndsTheGrace has good and empty sets in turn.
func TestGoodKeySetEndsTheGrace(t *testing.T) {
	key := newEd25519()
	good := jwks(jwk(key.Public(), nil))
	token := sign(t, jwt.SigningMethodEdDSA, key, nil)
	withProvider(t, good, func(t *testing.T, p *provider, v *Verifier) {
		for range 5 {
			p.serve(jwks())
			time.Sleep(refreshInterval + emptySetGrace - 2*time.Minute)
			synctest.Wait()
			checkAccepted(t, v, "the last key", token, true)
			p.serve(good)
			time.Sleep(retryInterval)
			synctest.Wait()
		}
	})
}

// TestGraceEndsDuringFailures has the provider fail after an empty set.
func TestGraceEndsDuringFailures(t *testing.T) {
	key := newEd25519()
	token := sign(t, jwt.SigningMethodEdDSA, key, nil)
	withProvider(t, jwks(jwk(key.Public(), nil)), func(t *testing.T, p *provider, v *Verifier) {
		p.serve(jwks())
		time.Sleep(refreshInterval + time.Second)
		p.handle(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
		time.Sleep(emptySetGrace - time.Minute)
		synctest.Wait()
		checkAccepted(t, v, "during the grace", token, true)
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		checkAccepted(t, v, "after the grace", token, false)
	})
}

// TestFirstKeySetIsEmpty has the provider start with an empty set.
func TestFirstKeySetIsEmpty(t *testing.T) {
	withProvider(t, jwks(), func(t *testing.T, p *provider, v *Verifier) {
		key := newEd25519()
		token := sign(t, jwt.SigningMethodEdDSA, key, nil)
		checkAccepted(t, v, "without keys", token, false)
		if v.JWKSLastSuccess() != 0 {
			t.Error("an empty set counts as a success")
		}
		p.serve(jwks(jwk(key.Public(), nil)))
		time.Sleep(2 * firstRetry)
		synctest.Wait()
		checkAccepted(t, v, "with keys", token, true)
	})
}
