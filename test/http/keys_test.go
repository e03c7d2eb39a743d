package http

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/testutil"
)

// sign returns a token that is valid for an hour. If keyID is not empty, it becomes
// the token's kid.
func sign(t testing.TB, method jwt.SigningMethod, key any, keyID string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))})
	if keyID != "" {
		token.Header["kid"] = keyID
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// must returns value. It panics if err is not nil.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// publicPEM returns the public half of a key as PEM.
func publicPEM(key crypto.Signer) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key.Public()))})
}

func TestTokensOfAPublicKeyFileAreAccepted(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	rsaKey := must(rsa.GenerateKey(rand.Reader, 2048))
	ecdsaKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := []crypto.Signer{rsaKey, ecdsaKey, edKey}
	var text []byte
	for _, key := range keys {
		text = append(text, publicPEM(key)...)
	}
	file := filepath.Join(t.TempDir(), "keys.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := testutil.StartProxyWith(t, []string{"JWT_PUBLIC_KEY_FILE=" + file}, "", "--statsd-port="+statsd.Port)

	var want []string
	for _, good := range []struct {
		method jwt.SigningMethod
		key    any
	}{
		{jwt.SigningMethodRS256, rsaKey}, {jwt.SigningMethodPS512, rsaKey}, {jwt.SigningMethodES256, ecdsaKey}, {jwt.SigningMethodEdDSA, edKey},
	} {
		proxy.MustSend(t, "/count/"+good.method.Alg(), "value=1", "X-JWT-Token", sign(t, good.method, good.key, ""))
		want = append(want, good.method.Alg()+":1|c")
	}
	// The public key in any form must not work as an HMAC secret.
	const stranger = "bad signature"
	for _, key := range keys {
		public := publicPEM(key)
		der, _ := pem.Decode(public)
		for _, secret := range [][]byte{public, der.Bytes, text, []byte(strings.TrimSpace(string(public)))} {
			proxy.MustReject(t, "/count/forged", "value=1", 403, stranger, "X-JWT-Token", sign(t, jwt.SigningMethodHS256, secret, ""))
		}
	}
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	proxy.MustReject(t, "/count/forged", "value=1", 403, stranger, "X-JWT-Token", sign(t, jwt.SigningMethodES256, other, ""))
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "")
	proxy.MustReject(t, "/count/forged", "value=1", 403, "token", "X-JWT-Token", none)
	proxy.MustReject(t, "/count/forged", "value=1", 401, "token")
	statsd.MustHaveReceived(t, proxy, want...)
}

// identityProvider serves a JSON Web Key Set.
type identityProvider struct {
	url string

	mu      sync.Mutex
	status  int
	set     []byte
	fetches int
}

func startIdentityProvider(t *testing.T) *identityProvider {
	t.Helper()
	p := new(identityProvider)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.fetches++
		w.WriteHeader(p.status)
		_, _ = w.Write(p.set)
	}))
	t.Cleanup(server.Close)
	p.url = server.URL + "/keys.json"
	return p
}

// publish makes the provider answer with status and the public halves of keys, which
// are given by their IDs.
func (p *identityProvider) publish(status int, keys map[string]ed25519.PrivateKey) {
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	for id, key := range keys {
		x := base64.RawURLEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
		set.Keys = append(set.Keys, map[string]string{"kty": "OKP", "crv": "Ed25519", "kid": id, "x": x})
	}
	text := must(json.Marshal(set))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.status, p.set = status, text
}

// fetchCount returns how many times a proxy has fetched the keys.
func (p *identityProvider) fetchCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// A token of an unknown key makes the proxy fetch the keys, but no more than three
// times in a row.
func TestProxyFollowsAnIdentityProviderThatRotatesKeys(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	keys := map[string]ed25519.PrivateKey{}
	tokens := map[string]string{}
	for _, id := range []string{"old", "staying", "new"} {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[id] = key
		tokens[id] = sign(t, jwt.SigningMethodEdDSA, key, id)
	}
	provider := startIdentityProvider(t)
	provider.publish(200, map[string]ed25519.PrivateKey{"old": keys["old"], "staying": keys["staying"]})
	proxy := testutil.StartProxyWith(t, []string{"JWT_JWKS_URL=" + provider.url}, "", "--statsd-port="+statsd.Port)
	proxy.WaitForLog(t, "fetched the keys that verify tokens", 1)

	expect := func(id string, status int) {
		t.Helper()
		for range 2 { // the second time the proxy finds the token in its cache
			if got, answer := proxy.Send(t, "/count/"+id, "value=1", "X-JWT-Token", tokens[id]); got != status {
				t.Errorf("a token of the %s key: got %d %s, want %d", id, got, answer, status)
			}
		}
	}
	expect("old", 200)
	expect("staying", 200)

	// While the provider is down, the proxy keeps the keys that it has.
	provider.publish(500, nil)
	proxy.MustReject(t, "/count/new", "value=1", 403, "bad signature", "X-JWT-Token", tokens["new"])
	proxy.WaitForLog(t, "could not fetch the keys that verify tokens", 1)
	expect("old", 200)
	expect("staying", 200)

	provider.publish(200, map[string]ed25519.PrivateKey{"new": keys["new"], "staying": keys["staying"]})
	testutil.Eventually(t, "the new key", func() bool {
		status, _ := proxy.Send(t, "/count/new", "value=1", "X-JWT-Token", tokens["new"])
		return status == 200
	})
	expect("old", 403)
	expect("staying", 200)
	// A client that makes up key IDs does not make the proxy fetch the keys for each.
	_, made, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range strings.Fields("a b c d e f g h i j") {
		proxy.MustReject(t, "/count/forged", "value=1", 403, "bad signature", "X-JWT-Token", sign(t, jwt.SigningMethodEdDSA, made, id))
	}
	forged := sign(t, jwt.SigningMethodHS256, []byte(keys["new"].Public().(ed25519.PublicKey)), "new")
	proxy.MustReject(t, "/count/forged", "value=1", 403, "bad signature", "X-JWT-Token", forged)
	statsd.MustHaveReceived(t, proxy, strings.Fields("old:1|c old:1|c staying:1|c staying:1|c old:1|c old:1|c staying:1|c staying:1|c new:1|c staying:1|c staying:1|c")...)
	if got := provider.fetchCount(); got != 3 {
		t.Errorf("the proxy has fetched the keys %d times, want 3", got)
	}
}
