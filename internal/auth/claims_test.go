package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/metric"
)

func TestClaimsBecomeAGrant(t *testing.T) {
	v := newTestVerifier(t, Options{})
	type scope = metric.Scope
	f := func(claims, subject string, what scope) {
		t.Helper()
		want := Grant{subject, what}
		token := []byte(signPayload(t, `{"alg":"HS256"}`, claims))
		for range 2 { // the second time from the cache
			got, err := v.Verify(token)
			if err != nil {
				t.Errorf("%s: %v", claims, err)
				return
			}
			if diff := cmp.Diff(want, *got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", claims, diff)
			}
		}
	}
	patterns := func(texts ...string) metric.Patterns {
		p, err := metric.ParsePatterns(texts)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	const all = metric.AllKinds
	f(`{}`, "", scope{Kinds: all})
	f(`{"sub":"page"}`, "page", scope{Kinds: all})
	f(`{"sub":null}`, "", scope{Kinds: all})
	f(`{"metrics":["web.*","app.checkout"]}`, "", scope{Metrics: patterns("web.*", "app.checkout"), Kinds: all})
	f(`{"metrics":"web.*"}`, "", scope{Metrics: patterns("web.*"), Kinds: all})
	f(`{"metrics":[]}`, "", scope{Metrics: patterns(), Kinds: all})
	f(`{"tags":["env","app.*"]}`, "", scope{Tags: patterns("env", "app.*"), Kinds: all})
	f(`{"tags":"*","metrics":"a"}`, "", scope{Tags: patterns("*"), Metrics: patterns("a"), Kinds: all})
	f(`{"tags":[]}`, "", scope{Tags: patterns(), Kinds: all})
	f(`{"metrics":["gr\u00f6\u00dfe*"]}`, "", scope{Metrics: patterns("größe*"), Kinds: all})
	f(`{"types":["count","timing","count"]}`, "", scope{Kinds: 1<<metric.Count | 1<<metric.Timing})
	f(`{"types":"set"}`, "", scope{Kinds: 1 << metric.Set})
	f(`{"types":[]}`, "", scope{})
	f(`{"prefix":"shop"}`, "", scope{Prefix: []byte("shop"), Kinds: all})
	f(`{"prefix":""}`, "", scope{Prefix: []byte{}, Kinds: all})
	f(`{"Metrics":[],"TYPES":1,"Prefix":"a:b","metric":[]}`, "", scope{Kinds: all}) // unknown claims
	f(`{"sub":"a","prefix":"p.","types":["gauge"],"metrics":["*"],"x":{"metrics":[]}}`,
		"a", scope{Metrics: patterns("*"), Kinds: 1 << metric.Gauge, Prefix: []byte("p.")})
}

func TestClaimsThatCannotBeReadAreRefused(t *testing.T) {
	v := newTestVerifier(t, Options{})
	f := func(claims, name string) {
		t.Helper()
		grant, err := v.Verify([]byte(signPayload(t, `{"alg":"HS256"}`, claims)))
		want := errMalformed.Error()
		if name != "" {
			want += ": its claim " + name + " is wrong"
		}
		if grant != nil || err == nil || err.Error() != want {
			t.Errorf("%s: %v, %v, want %q", claims, grant, err, want)
		}
	}
	for _, name := range []string{"metrics", "types", "tags", "prefix"} {
		for _, value := range []string{`null`, `1`, `true`, `{}`, `{"a":"b"}`, `[1]`, `[null]`, `["count",null]`, `["count",["count"]]`, `[["count"]]`, `"a:b"`, `["count",{}]`} {
			f(`{"`+name+`":`+value+`}`, name)
		}
		f(`{"`+name+`":"count","`+name+`":"count"}`, "")
	}
	f(`{"sub":1}`, "sub")
	f(`{"sub":["a"]}`, "sub")
	f(`{"metrics":[""]}`, "metrics")
	f(`{"tags":[""]}`, "tags")
	f(`{"tags":["[a-z]"]}`, "tags")
	f(`{"tags":["a=b"]}`, "tags")
	f(`{"metrics":""}`, "metrics")
	f(`{"metrics":"web.*,app.*"}`, "metrics")
	f(`{"metrics":["a\nb"]}`, "metrics")
	f(`{"metrics":["a b"]}`, "metrics")
	f(`{"metrics":["`+strings.Repeat("a", 256)+`"]}`, "metrics")
	f(`{"metrics":["a"`+strings.Repeat(`,"a"`, 128)+`]}`, "metrics")
	f(`{"types":["Count"]}`, "types")
	f(`{"types":["c"]}`, "types")
	f(`{"types":""}`, "types")
	f(`{"types":["count","*"]}`, "types")
	f(`{"prefix":["a"]}`, "prefix")
	f(`{"prefix":"a\u0000"}`, "prefix")
	f(`{"prefix":"`+strings.Repeat("a", 255)+`"}`, "prefix")
	f(`{"m\u0065trics":["a"],"metrics":["b"]}`, "")
	f(`{"m\u0065trics":[1]}`, "metrics")
}

func TestSignedClaimsAreAccepted(t *testing.T) {
	v := newTestVerifier(t, Options{Issuer: "login", Audience: "proxy", RequireExp: true})
	c := Claims{
		Issuer: "login", Subject: "<demo> & \"größe\"", Audience: "proxy", IssuedAt: now, ExpiresAt: now.Add(time.Hour),
		Metrics: []string{"web.*", "app.größe"}, Types: []string{"count", "timing"}, Tags: []string{"env", "app.*"}, Prefix: "shop",
	}
	token, err := Sign([]byte(secret), c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	want := Grant{c.Subject, metric.Scope{
		Metrics: metric.Patterns{[]byte("web.*"), []byte("app.größe")},
		Tags:    metric.Patterns{[]byte("env"), []byte("app.*")},
		Kinds:   1<<metric.Count | 1<<metric.Timing,
		Prefix:  []byte("shop"),
	}}
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e := v.current.Load().cache.get([]byte(token)); !e.validity.until.Equal(now.Add(time.Hour)) || !e.validity.from.Equal(now) {
		t.Errorf("valid from %v until %v", e.validity.from, e.validity.until)
	}
	// The library parses the token in the same way.
	var claims struct {
		jwt.RegisteredClaims
		Metrics, Types []string
		Prefix         string
	}
	clock := jwt.WithTimeFunc(func() time.Time { return now })
	_, err = jwt.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) { return []byte(secret), nil }, clock)
	if err != nil || claims.Subject != c.Subject || claims.Prefix != "shop" || len(claims.Metrics) != 2 || len(claims.Types) != 2 {
		t.Errorf("the library returns %+v, %v", claims, err)
	}

	if token, err = Sign([]byte(secret), Claims{}); err != nil {
		t.Fatal(err)
	}
	if got, err := newTestVerifier(t, Options{}).Verify([]byte(token)); err != nil || got.Metrics != nil || got.Kinds != metric.AllKinds {
		t.Errorf("an empty token: got grant %v, %v", got, err)
	}
	if token, err = Sign([]byte(secret), Claims{Metrics: []string{}, Types: []string{}}); err != nil {
		t.Fatal(err)
	}
	if got, err := newTestVerifier(t, Options{}).Verify([]byte(token)); err != nil || got.Metrics == nil || got.Kinds != 0 {
		t.Errorf("a token with empty lists: got grant %v, %v", got, err)
	}
}

func TestSignRejectsBadClaims(t *testing.T) {
	f := func(c Claims, want string) {
		t.Helper()
		if token, err := Sign([]byte(secret), c); err == nil || token != "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%+v: %q, %v, want an error with %q", c, token, err, want)
		}
	}
	f(Claims{Metrics: []string{"a:b"}}, `claim metrics: pattern "a:b"`)
	f(Claims{Tags: []string{"a=b"}}, `claim tags: pattern "a=b"`)
	f(Claims{Types: []string{"Count"}}, `claim types: type "Count"`)
	f(Claims{Prefix: "a:b"}, `claim prefix: prefix "a:b"`)
	f(Claims{Subject: "\xff"}, "UTF-8")
	f(Claims{ExpiresAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "claim exp")
	f(Claims{Subject: strings.Repeat("a", 8<<10)}, "at most 8192")
	if _, err := Sign(nil, Claims{}); err == nil {
		t.Error("Sign succeeds without a secret")
	}
}
