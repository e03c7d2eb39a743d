package auth

import (
	"crypto/ed25519"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"statsd-http-proxy/internal/logtest"
)

func TestKeysAreRotated(t *testing.T) {
	one, two := newEd25519(), newEd25519()
	first, second := jwk(one.Public(), members{"kid": "1"}), jwk(two.Public(), members{"kid": "2"})
	withProvider(t, jwks(first), func(t *testing.T, p *provider, v *Verifier) {
		oldToken, newToken := signWithKeyID(t, jwt.SigningMethodEdDSA, one, "1"), signWithKeyID(t, jwt.SigningMethodEdDSA, two, "2")
		checkAccepted(t, v, "the first key", oldToken, true)
		set := v.current.Load()

		p.serve(jwks(first, second))
		checkAccepted(t, v, "the second key", newToken, false) // requests a fetch
		synctest.Wait()
		checkAccepted(t, v, "the second key", newToken, true)
		checkAccepted(t, v, "the first key", oldToken, true)
		if p.fetches.Load() != 2 || v.current.Load() == set {
			t.Errorf("%d fetches, want 2", p.fetches.Load())
		}

		p.serve(jwks(second))
		time.Sleep(refreshInterval - time.Second)
		checkAccepted(t, v, "the first key until the next refresh", oldToken, true)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		checkAccepted(t, v, "the first key", oldToken, false)
		checkAccepted(t, v, "the second key", newToken, true)

		set = v.current.Load()
		time.Sleep(4 * refreshInterval)
		synctest.Wait()
		if v.current.Load() != set {
			t.Error("an unchanged set empties the cache")
		}
	})
}

func TestFetchesForUnknownKeysAreLimited(t *testing.T) {
	key := newEd25519()
	withProvider(t, jwks(jwk(key.Public(), members{"kid": "1"})), func(t *testing.T, p *provider, v *Verifier) {
		other := newEd25519()
		ask := func(kid string, private ed25519.PrivateKey) {
			checkAccepted(t, v, kid, signWithKeyID(t, jwt.SigningMethodEdDSA, private, kid), false)
			synctest.Wait()
		}
		const minutes = 10
		for range minutes * 60 {
			ask("x", other)
			time.Sleep(time.Second)
		}
		// A burst of 3, and one every 30 seconds.
		if got, most := p.fetches.Load(), int64(3+minutes*2); got > most || got < most-1 {
			t.Errorf("%d fetches for 600 tokens in 10 minutes, want %d", got, most)
		}
		time.Sleep(fetchBurst * retryInterval)
		before := p.fetches.Load()
		ask("1", other)                                                                                 // bad signature, known key
		checkAccepted(t, v, "no name", sign(t, jwt.SigningMethodEdDSA, other, nil), false)              // names no key
		checkAccepted(t, v, "known", signWithKeyID(t, jwt.SigningMethodEdDSA, key, "1"), true)          // good
		checkAccepted(t, v, "HS256", signWithKeyID(t, jwt.SigningMethodHS256, []byte("x"), "1"), false) // other algorithm
		synctest.Wait()
		if got := p.fetches.Load(); got != before {
			t.Errorf("%d fetches without an unknown key", got-before)
		}
	})
}

// TestLastGoodKeySetIsKept has the provider fail in many ways.
func TestLastGoodKeySetIsKept(t *testing.T) {
	key := newEd25519()
	good := jwks(jwk(key.Public(), nil))
	failures := map[string]http.HandlerFunc{
		"the response has status 500": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, `{"keys":[]}`)
		},
		"the response has status 204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"read the key set":            func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") },
		"unexpected EOF": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "{")
		},
		"more than 3 redirects": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
		"larger than 1048576": func(w http.ResponseWriter, _ *http.Request) {
			for err := error(nil); err == nil; { // until the client stops reading
				_, err = io.WriteString(w, strings.Repeat(" ", 64<<10))
			}
		},
		"headers exceeded": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 2*maxHeaderBytes))
		},
		"deadline exceeded": func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"EOF":               func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	}
	for want, failure := range failures {
		withProvider(t, good, func(t *testing.T, p *provider, v *Verifier) {
			token := sign(t, jwt.SigningMethodEdDSA, key, nil)
			checkAccepted(t, v, "at the start", token, true)
			p.handle(failure)
			time.Sleep(refreshInterval + 3*retryInterval)
			synctest.Wait()
			checkAccepted(t, v, want, token, true)
			if text := p.log.String(); !strings.Contains(text, want) || !strings.Contains(text, "url=http://login.example/keys ") {
				t.Errorf("no %q in the log: %s", want, text)
			}
			before := p.fetches.Load()
			p.serve(jwks(jwk(newEd25519().Public(), nil)))
			time.Sleep(retryInterval + fetchTimeout)
			synctest.Wait()
			checkAccepted(t, v, want, token, false)
			if p.fetches.Load() == before {
				t.Errorf("%s: no retry", want)
			}
		})
	}
}

// TestRedirectsAreLimited has the provider redirect several times.
func TestRedirectsAreLimited(t *testing.T) {
	key := newEd25519()
	f := func(redirects int, want bool) {
		t.Helper()
		withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
			p.handle(func(w http.ResponseWriter, r *http.Request) {
				n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/redirect/")) // 0 for /keys
				if n < redirects {
					http.Redirect(w, r, "/redirect/"+strconv.Itoa(n+1), http.StatusFound)
					return
				}
				io.WriteString(w, jwks(jwk(key.Public(), nil)))
			})
			time.Sleep(2 * firstRetry)
			synctest.Wait()
			checkAccepted(t, v, strconv.Itoa(redirects)+" redirects", sign(t, jwt.SigningMethodEdDSA, key, nil), want)
		})
	}
	f(0, true)
	f(1, true)
	f(maxRedirects, true)
	f(maxRedirects+1, false)
}

func TestProviderStartsLater(t *testing.T) {
	key := newEd25519()
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		token := sign(t, jwt.SigningMethodEdDSA, key, nil)
		checkAccepted(t, v, "without keys", token, false)
		v.SetKeys(load(t, KeySources{Secrets: []string{secret}}))
		checkAccepted(t, v, "a secret", sign(t, jwt.SigningMethodHS256, []byte(secret), nil), true)
		p.serve(jwks(jwk(key.Public(), nil)))
		time.Sleep(retryInterval)
		synctest.Wait()
		checkAccepted(t, v, "with keys", token, true)
		checkAccepted(t, v, "a secret", sign(t, jwt.SigningMethodHS256, []byte(secret), nil), true)
		v.SetKeys(new(Keys))
		checkAccepted(t, v, "with keys", token, true)
		checkAccepted(t, v, "a secret", sign(t, jwt.SigningMethodHS256, []byte(secret), nil), false)
	})
}

// TestFirstFetchIsRetriedOften has the provider start after the Verifier.
func TestFirstFetchIsRetriedOften(t *testing.T) {
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		key := newEd25519()
		token := signWithKeyID(t, jwt.SigningMethodEdDSA, key, "1")
		for range 300 { // tokens must not cause fetches
			checkAccepted(t, v, "without keys", token, false)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		// The fetches are at 0, 1, 3, 7, 15 and 31 seconds, then every 30 seconds.
		if got := p.fetches.Load(); got < 12 || got > 15 {
			t.Errorf("got %d failed fetches in 5 minutes, want 12 to 15", got)
		}
	})
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		key := newEd25519()
		time.Sleep(2 * firstRetry)
		p.serve(jwks(jwk(key.Public(), map[string]any{"kid": "1"})))
		time.Sleep(firstRetry + firstRetry/2)
		synctest.Wait()
		checkAccepted(t, v, "a moment later", signWithKeyID(t, jwt.SigningMethodEdDSA, key, "1"), true)
	})
}

func TestSlowProviderDelaysNothing(t *testing.T) {
	withProvider(t, "", func(t *testing.T, p *provider, v *Verifier) {
		p.handle(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		time.Sleep(firstRetry)
		synctest.Wait() // the fetch has begun
		begin := time.Now()
		checkAccepted(t, v, "without keys", signWithKeyID(t, jwt.SigningMethodEdDSA, newEd25519(), "x"), false)
		before := p.log.String()
		v.Close()
		select {
		case <-v.fetcher.done:
		default:
			t.Error("Close returned before run")
		}
		if took := time.Since(begin); took != 0 {
			t.Errorf("Verify and Close took %s, want no time", took)
		}
		if text := p.log.String(); text != before || p.fetches.Load() != 2 {
			t.Errorf("Close logs a failure, or no fetch was running: %s", text)
		}
	})
}

// TestKeySetOverTLS uses real servers on the loopback interface.
func TestKeySetOverTLS(t *testing.T) {
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
		if strings.Contains(want, "fetched") { // onKeys is called after the log line
			for limit := time.Now().Add(deadline); len(v.current.Load().fetched) == 0; time.Sleep(time.Millisecond) {
				if time.Now().After(limit) {
					t.Fatalf("%s: no keys", address)
				}
			}
		}
		checkAccepted(t, v, address, token, strings.Contains(want, "fetched"))
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
		t.Error("the fetcher followed a redirect to plain http")
	}
	f(secure.URL+"/keys", false, "certificate")
	f(plain.URL, false, fetched)
	f(up.URL, true, fetched)
	f(strings.Replace(absent.URL, "//", "//user:hidden@", 1)+"?key=hidden", false, "connection refused")
}
