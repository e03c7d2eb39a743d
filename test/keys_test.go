package test

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

	"statsd-http-proxy/test/harness"
)

// sign returns a token for an hour, with a name for its key unless that is
// empty.
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

// must returns a value that cannot fail to be made.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// publicPEM returns the public half of a key.
func publicPEM(key crypto.Signer) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key.Public()))})
}

func TestTokensOfAPublicKeyFileAreAccepted(t *testing.T) {
	statsd := startReceiver(t)
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
	proxy := startProxyWith(t, []string{"JWT_PUBLIC_KEY_FILE=" + file}, "", "--statsd-port="+statsd.port)

	var want []string
	for _, good := range []struct {
		method jwt.SigningMethod
		key    any
	}{
		{jwt.SigningMethodRS256, rsaKey}, {jwt.SigningMethodPS512, rsaKey}, {jwt.SigningMethodES256, ecdsaKey}, {jwt.SigningMethodEdDSA, edKey},
	} {
		proxy.mustSend(t, "/count/"+good.method.Alg(), "value=1", "X-JWT-Token", sign(t, good.method, good.key, ""))
		want = append(want, good.method.Alg()+":1|c")
	}
	// What everybody may know is no secret, however it is written.
	const stranger = "bad signature"
	for _, key := range keys {
		public := publicPEM(key)
		der, _ := pem.Decode(public)
		for _, secret := range [][]byte{public, der.Bytes, text, []byte(strings.TrimSpace(string(public)))} {
			proxy.mustRefuse(t, "/count/forged", "value=1", 403, stranger, "X-JWT-Token", sign(t, jwt.SigningMethodHS256, secret, ""))
		}
	}
	other := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	proxy.mustRefuse(t, "/count/forged", "value=1", 403, stranger, "X-JWT-Token", sign(t, jwt.SigningMethodES256, other, ""))
	none := sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "")
	proxy.mustRefuse(t, "/count/forged", "value=1", 403, "token", "X-JWT-Token", none)
	proxy.mustRefuse(t, "/count/forged", "value=1", 401, "token")
	statsd.mustHaveReceived(t, proxy, want...)
}

// identityProvider serves a set of keys, as one that people log in with does.
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

// publish makes the provider answer with status and the public halves of keys
// by name.
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

// fetched returns how often the keys were asked for.
func (p *identityProvider) fetched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetches
}

// TestKeysOfAnIdentityProviderRotate: a token of a key that is new makes the
// proxy ask for the keys, three times in a row at most.
func TestKeysOfAnIdentityProviderRotate(t *testing.T) {
	statsd := startReceiver(t)
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
	proxy := startProxyWith(t, []string{"JWT_JWKS_URL=" + provider.url}, "", "--statsd-port="+statsd.port)
	proxy.waitForLog(t, "fetched the keys that verify tokens", 1)

	expect := func(id string, status int) {
		t.Helper()
		for range 2 { // a token that was accepted is known the second time
			if got, answer := proxy.send(t, "/count/"+id, "value=1", "X-JWT-Token", tokens[id]); got != status {
				t.Errorf("a token of the %s key: got %d %s, want %d", id, got, answer, status)
			}
		}
	}
	expect("old", 200)
	expect("staying", 200)

	// While the provider is down, the keys that are known serve on.
	provider.publish(500, nil)
	proxy.mustRefuse(t, "/count/new", "value=1", 403, "bad signature", "X-JWT-Token", tokens["new"])
	proxy.waitForLog(t, "could not fetch the keys that verify tokens", 1)
	expect("old", 200)
	expect("staying", 200)

	provider.publish(200, map[string]ed25519.PrivateKey{"new": keys["new"], "staying": keys["staying"]})
	harness.Eventually(t, "the new key", func() bool {
		status, _ := proxy.send(t, "/count/new", "value=1", "X-JWT-Token", tokens["new"])
		return status == 200
	})
	expect("old", 403)
	expect("staying", 200)
	// Whoever makes up names of keys does not make us ask for each.
	_, made, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range strings.Fields("a b c d e f g h i j") {
		proxy.mustRefuse(t, "/count/forged", "value=1", 403, "bad signature", "X-JWT-Token", sign(t, jwt.SigningMethodEdDSA, made, id))
	}
	forged := sign(t, jwt.SigningMethodHS256, []byte(keys["new"].Public().(ed25519.PublicKey)), "new")
	proxy.mustRefuse(t, "/count/forged", "value=1", 403, "bad signature", "X-JWT-Token", forged)
	statsd.mustHaveReceived(t, proxy, strings.Fields("old:1|c old:1|c staying:1|c staying:1|c old:1|c old:1|c staying:1|c staying:1|c new:1|c staying:1|c staying:1|c")...)
	if got := provider.fetched(); got != 3 {
		t.Errorf("the keys were asked for %d times, want 3", got)
	}
}
