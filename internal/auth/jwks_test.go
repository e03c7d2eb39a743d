package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"statsd-http-proxy/internal/logtest"
)

// deadline is how long a test waits for what should happen soon.
const deadline = 20 * time.Second

type members map[string]any

// jwk returns a public key as a JWK, with further members.
func jwk(public crypto.PublicKey, more members) members {
	b64 := base64.RawURLEncoding.EncodeToString
	m := members{}
	switch public := public.(type) {
	case *rsa.PublicKey:
		m["kty"], m["n"], m["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			panic(err)
		}
		half := len(point) / 2
		m["kty"], m["crv"], m["x"], m["y"] = "EC", public.Params().Name, b64(point[1:1+half]), b64(point[1+half:])
	case ed25519.PublicKey:
		m["kty"], m["crv"], m["x"] = "OKP", "Ed25519", b64(public)
	}
	for name, value := range more {
		m[name] = value
	}
	return m
}

// jwks returns a JWK set.
func jwks(keys ...members) string {
	text, err := json.Marshal(map[string][]members{"keys": append([]members{}, keys...)})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// named returns a token whose header names a key.
func named(t testing.TB, method jwt.SigningMethod, private any, kid string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, jwt.MapClaims{})
	token.Header["kid"] = kid
	text, err := token.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// setOf returns the verifier of a JWK set that is there already.
func setOf(t testing.TB, text string) *Verifier {
	t.Helper()
	keys, err := readKeySet([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v := newTestVerifier(t, Options{JWKSURL: "https://unused.example/", Keys: &Keys{}})
	v.setFetched(keys)
	return v
}

func TestASetSaysWhatItsKeysAreFor(t *testing.T) {
	p256, p384, ed := newECDSA(elliptic.P256()), newECDSA(elliptic.P384()), newEd25519()
	rs, ps, es := jwt.SigningMethodRS256, jwt.SigningMethodPS256, jwt.SigningMethodES256
	f := func(key members, method jwt.SigningMethod, private any, kid string, want bool) {
		t.Helper()
		v := setOf(t, jwks(members{"kty": "new"}, key, members{}))
		token := sign(t, method, private, nil)
		if kid != "" {
			token = named(t, method, private, kid)
		}
		text, _ := json.Marshal(key)
		accepts(t, v, method.Alg()+" by "+kid+" of "+string(text), token, want)
	}
	public := rsaKey().Public()
	f(jwk(public, nil), rs, rsaKey(), "", true)
	f(jwk(public, nil), ps, rsaKey(), "", true)
	f(jwk(public, nil), rs, rsaKey(), "a", true)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "a", true)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "b", false)
	f(jwk(public, members{"kid": "a"}), rs, rsaKey(), "A", false)
	f(jwk(public, members{"alg": "RS256"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"alg": "RS256"}), ps, rsaKey(), "", false)
	f(jwk(public, members{"alg": "HS256"}), jwt.SigningMethodHS256, public.(*rsa.PublicKey).N.Bytes(), "", false)
	f(jwk(public, members{"alg": "none"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"use": "sig"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"use": "enc"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"use": "other"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"use": 1}), rs, rsaKey(), "", false)
	f(jwk(public, members{"key_ops": []string{"verify"}}), rs, rsaKey(), "", true)
	f(jwk(public, members{"key_ops": []string{"encrypt"}}), rs, rsaKey(), "", false)
	f(jwk(public, members{"key_ops": []string{}}), rs, rsaKey(), "", false)
	f(jwk(public, members{"e": "AAAAAAAAAAAAAQAB"}), rs, rsaKey(), "", true)
	f(jwk(public, members{"e": "AQAAAAAAAQAB"}), rs, rsaKey(), "", false)
	f(jwk(public, members{"n": ""}), rs, rsaKey(), "", false)
	f(jwk(public, members{"x5c": []string{"nonsense"}, "x5u": "http://127.0.0.1:1/", "x5t#S256": "x"}), rs, rsaKey(), "", true)
	f(jwk(p256.Public(), nil), es, p256, "", true)
	f(jwk(p384.Public(), nil), jwt.SigningMethodES384, p384, "", true)
	f(jwk(p256.Public(), members{"alg": "ES384"}), es, p256, "", false)
	f(jwk(p256.Public(), members{"crv": "P-384"}), es, p256, "", false)
	f(jwk(p256.Public(), members{"crv": "secp256k1"}), es, p256, "", false)
	f(jwk(p256.Public(), members{"x": "AAAA"}), es, p256, "", false)
	f(jwk(p256.Public(), nil), rs, rsaKey(), "", false)
	f(jwk(ed.Public(), nil), jwt.SigningMethodEdDSA, ed, "", true)
	f(jwk(ed.Public(), members{"crv": "X25519"}), jwt.SigningMethodEdDSA, ed, "", false)

	oct := members{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte(secret)), "alg": "HS256", "use": "sig"}
	f(oct, jwt.SigningMethodHS256, []byte(secret), "", false)
	t.Setenv("GODEBUG", "rsa1024min=0")
	weak := newRSA(1024)
	f(jwk(weak.Public(), nil), rs, weak, "", false)
}

func TestWhatIsNoSetIsAnError(t *testing.T) {
	for _, text := range []string{
		"", "x", "[]", "null", "1", "{}", `{"keys":null}`, `{"keys":{}}`, `{"keys":[1]} x`, `{"Keys":[]}`, `{"keys":[],"keys":[]}`, "<html>",
		`{"keys":[{}` + strings.Repeat(",{}", maxKeys) + `]}`,
	} {
		if keys, err := readKeySet([]byte(text)); err == nil || keys != nil {
			t.Errorf("%.30q: %v, %v", text, keys, err)
		}
	}
	for _, text := range []string{`{"keys":[]}`, `{"keys":[1,null,"x",[],{}]}`, `{"keys":[{"kty":"RSA","kid":1}],"more":1}`} {
		if keys, err := readKeySet([]byte(text)); err != nil || len(keys) != 0 || keys == nil {
			t.Errorf("%s: %v, %v", text, keys, err)
		}
	}
}

// provider is the HTTP server of an identity provider. It speaks over memory,
// so that its test can run on a clock of its own.
type provider struct {
	mu      sync.Mutex
	handler http.HandlerFunc
	fetches atomic.Int64
	log     logtest.Buffer
}

// answers sets what it answers.
func (p *provider) answers(handler http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handler = handler
}

func (p *provider) serves(text string) {
	p.answers(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
}

func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.fetches.Add(1)
	p.mu.Lock()
	handler := p.handler
	p.mu.Unlock()
	handler(w, r)
}

// pipeListener is a net.Listener in memory.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error {
	close(l.closed)
	return nil
}

func (l pipeListener) Addr() net.Addr { return &net.IPAddr{} }

// withProvider runs a test in a bubble of its own time with a provider that
// serves text, and with the verifier of its keys and of no other.
func withProvider(t *testing.T, text string, f func(t *testing.T, p *provider, v *Verifier)) {
	synctest.Test(t, func(t *testing.T) {
		p := new(provider)
		p.serves(text)
		listener := pipeListener{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: p}
		var all sync.WaitGroup
		all.Go(func() { _ = server.Serve(listener) })
		v, err := newVerifier(Options{JWKSURL: "http://login.example/keys?key=hidden", Logger: slog.New(slog.NewTextHandler(&p.log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		transport := v.fetcher.client.Transport.(*http.Transport)
		transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return listener.dial() }
		transport.Proxy = nil
		v.fetcher.start()
		synctest.Wait()
		f(t, p, v)
		v.Close()
		server.Close()
		all.Wait()
		if text := p.log.String(); strings.Contains(text, "hidden") {
			t.Errorf("the log shows the URL's query: %s", text)
		}
	})
}

func TestKeysAreRotated(t *testing.T) {
	one, two := newEd25519(), newEd25519()
	first, second := jwk(one.Public(), members{"kid": "1"}), jwk(two.Public(), members{"kid": "2"})
	withProvider(t, jwks(first), func(t *testing.T, p *provider, v *Verifier) {
		oldToken, newToken := named(t, jwt.SigningMethodEdDSA, one, "1"), named(t, jwt.SigningMethodEdDSA, two, "2")
		accepts(t, v, "the first key", oldToken, true)
		set := v.current.Load()

		p.serves(jwks(first, second))
		accepts(t, v, "the second key", newToken, false) // and fetches the set
		synctest.Wait()
		accepts(t, v, "the second key", newToken, true)
		accepts(t, v, "the first key", oldToken, true)
		if p.fetches.Load() != 2 || v.current.Load() == set {
			t.Errorf("%d fetches, want 2", p.fetches.Load())
		}

		p.serves(jwks(second))
		time.Sleep(refreshInterval - time.Second)
		accepts(t, v, "the first key until the next refresh", oldToken, true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		accepts(t, v, "the first key", oldToken, false)
		accepts(t, v, "the second key", newToken, true)

		set = v.current.Load()
		time.Sleep(4 * refreshInterval)
		synctest.Wait()
		if v.current.Load() != set {
			t.Error("the same set voids the cache")
		}
		p.serves(jwks())
		time.Sleep(refreshInterval)
		synctest.Wait()
		accepts(t, v, "the second key", newToken, false)
		if !strings.Contains(p.log.String(), "no key verifies tokens") {
			t.Errorf("the log is silent on an empty set: %s", &p.log)
		}
	})
}

func TestUnknownKeysAreAskedForNowAndThen(t *testing.T) {
	key := newEd25519()
	withProvider(t, jwks(jwk(key.Public(), members{"kid": "1"})), func(t *testing.T, p *provider, v *Verifier) {
		other := newEd25519()
		ask := func(kid string, private ed25519.PrivateKey) {
			accepts(t, v, kid, named(t, jwt.SigningMethodEdDSA, private, kid), false)
			synctest.Wait()
		}
		const minutes = 10
		for range minutes * 60 {
			ask("x", other)
			time.Sleep(time.Second)
		}
		if got, most := p.fetches.Load(), int64(fetchBurst+minutes*time.Minute/retryInterval); got > most || got < most-1 {
			t.Errorf("%d fetches for 600 tokens in 10 minutes, want %d", got, most)
		}
		time.Sleep(fetchBurst * retryInterval)
		before := p.fetches.Load()
		ask("1", other)                                                                   // a bad signature of a known key
		accepts(t, v, "no name", sign(t, jwt.SigningMethodEdDSA, other, nil), false)      // no key is named
		accepts(t, v, "known", named(t, jwt.SigningMethodEdDSA, key, "1"), true)          // good
		accepts(t, v, "HS256", named(t, jwt.SigningMethodHS256, []byte("x"), "1"), false) // another algorithm
		synctest.Wait()
		if got := p.fetches.Load(); got != before {
			t.Errorf("%d fetches without an unknown key", got-before)
		}
	})
}

// TestTheLastGoodSetIsKept lets the provider fail in every way.
func TestTheLastGoodSetIsKept(t *testing.T) {
	key := newEd25519()
	good := jwks(jwk(key.Public(), nil))
	failures := map[string]http.HandlerFunc{
		"the answer is 500": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, `{"keys":[]}`)
		},
		"the answer is 204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"read the key set":  func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"unexpected EOF": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "{")
		},
		"more than 3 redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
		"larger than 1048576": func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; { // until nobody reads on
				_, err = io.WriteString(w, strings.Repeat(" ", 64<<10))
			}
		},
		"headers exceeded":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 2*maxSetHead)) },
		"deadline exceeded": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"EOF":               func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for want, failure := range failures {
		withProvider(t, good, func(t *testing.T, p *provider, v *Verifier) {
			token := sign(t, jwt.SigningMethodEdDSA, key, nil)
			accepts(t, v, "at the start", token, true)
			p.answers(failure)
			time.Sleep(refreshInterval + 3*retryInterval)
			synctest.Wait()
			accepts(t, v, want, token, true)
			if text := p.log.String(); !strings.Contains(text, want) || !strings.Contains(text, "url=http://login.example/keys ") {
				t.Errorf("no %q in the log: %s", want, text)
			}
			before := p.fetches.Load()
			p.serves(jwks(jwk(newEd25519().Public(), nil)))
			time.Sleep(retryInterval + fetchTimeout)
			synctest.Wait()
			accepts(t, v, want, token, false)
			if p.fetches.Load() == before {
				t.Errorf("%s: no retry", want)
			}
		})
	}
}

func TestAProviderMayComeLater(t *testing.T) {
	key := newEd25519()
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		token := sign(t, jwt.SigningMethodEdDSA, key, nil)
		accepts(t, v, "without keys", token, false)
		v.SetKeys(load(t, KeySources{Secrets: []string{secret}}))
		accepts(t, v, "a secret", sign(t, jwt.SigningMethodHS256, []byte(secret), nil), true)
		p.serves(jwks(jwk(key.Public(), nil)))
		time.Sleep(retryInterval)
		synctest.Wait()
		accepts(t, v, "with keys", token, true)
		accepts(t, v, "a secret", sign(t, jwt.SigningMethodHS256, []byte(secret), nil), true)
		v.SetKeys(new(Keys))
		accepts(t, v, "with keys", token, true)
		accepts(t, v, "a secret", sign(t, jwt.SigningMethodHS256, []byte(secret), nil), false)
	})
}

// TestTheFirstKeysAreAskedForOften has the provider start after the proxy.
func TestTheFirstKeysAreAskedForOften(t *testing.T) {
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		key := newEd25519()
		token := named(t, jwt.SigningMethodEdDSA, key, "1")
		for range 300 { // clients that ask change nothing
			accepts(t, v, "without keys", token, false)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		// After 0, 1, 3, 7, 15 and 31 seconds, then every 30.
		if got := p.fetches.Load(); got < 12 || got > 15 {
			t.Errorf("%d fetches in 5 minutes without an answer", got)
		}
	})
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		key := newEd25519()
		time.Sleep(2 * firstRetry)
		p.serves(jwks(jwk(key.Public(), map[string]any{"kid": "1"})))
		time.Sleep(firstRetry + firstRetry/2)
		synctest.Wait()
		accepts(t, v, "a moment later", named(t, jwt.SigningMethodEdDSA, key, "1"), true)
	})
}

func TestASlowProviderHoldsNothingUp(t *testing.T) {
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		p.answers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		time.Sleep(firstRetry)
		synctest.Wait() // the fetch is under way
		begin := time.Now()
		accepts(t, v, "without keys", named(t, jwt.SigningMethodEdDSA, newEd25519(), "x"), false)
		before := p.log.String()
		v.Close()
		select {
		case <-v.fetcher.done:
		default:
			t.Error("Close does not wait")
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("it took %s", took)
		}
		if text := p.log.String(); text != before || p.fetches.Load() != 2 {
			t.Errorf("the end is logged as a failure, or no fetch was under way: %s", text)
		}
	})
}

// TestKeysComeOverTLS uses a real server on the loopback.
func TestKeysComeOverTLS(t *testing.T) {
	key := newEd25519()
	var plainAsked atomic.Int64
	serve := func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			plainAsked.Add(1)
		}
		io.WriteString(w, jwks(jwk(key.Public(), nil)))
	}
	plain := httptest.NewServer(http.HandlerFunc(serve))
	defer plain.Close()
	var mux http.ServeMux
	secure := httptest.NewTLSServer(&mux)
	defer secure.Close()
	mux.HandleFunc("/keys", serve)
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) })
	mux.HandleFunc("/down", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, plain.URL, http.StatusFound) })
	mux.HandleFunc("/far", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/down", http.StatusFound) })
	up := httptest.NewServer(http.RedirectHandler(secure.URL+"/keys", http.StatusFound))
	defer up.Close()
	absent := httptest.NewServer(nil)
	absent.Close()

	token := sign(t, jwt.SigningMethodEdDSA, key, nil)
	f := func(address string, trusted bool, want string) {
		t.Helper()
		defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
		var log logtest.Buffer
		v, err := newVerifier(Options{JWKSURL: address, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		if trusted {
			v.fetcher.client.Transport.(*http.Transport).TLSClientConfig = secure.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		}
		v.fetcher.start()
		for limit := time.Now().Add(deadline); !strings.Contains(log.String(), want); time.Sleep(time.Millisecond) {
			if time.Now().After(limit) {
				t.Fatalf("%s: no %q in the log: %s", address, want, &log)
			}
		}
		if strings.Contains(want, "fetched") { // the log comes first
			for limit := time.Now().Add(deadline); len(v.current.Load().fetched) == 0; time.Sleep(time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatalf("%s: no keys", address)
				}
			}
		}
		accepts(t, v, address, token, strings.Contains(want, "fetched"))
		if strings.Contains(log.String(), "hidden") {
			t.Errorf("the log shows a password: %s", &log)
		}
	}
	const fetched = "fetched the keys"
	f(secure.URL+"/keys", true, fetched)
	f(secure.URL+"/moved", true, fetched)
	f(secure.URL+"/down", true, "redirects from https to another scheme")
	f(secure.URL+"/far", true, "redirects from https to another scheme")
	if plainAsked.Load() != 0 {
		t.Error("a redirect to plain http was followed")
	}
	f(secure.URL+"/keys", false, "certificate")
	f(plain.URL, false, fetched)
	f(up.URL, true, fetched)
	f(strings.Replace(absent.URL, "//", "//user:hidden@", 1)+"?key=hidden", false, "connection refused")
}
