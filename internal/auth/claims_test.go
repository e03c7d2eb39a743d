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
		want := Grant{Subject: subject, Scope: what}
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
	f(`{"metrics":["gr\u00f6\u00dfe*"]}`, "", scope{Metrics: patterns("größe*"), Kinds: all})
	f(`{"tags":["env","page_*"]}`, "", scope{Tags: patterns("env", "page_*"), Kinds: all})
	f(`{"tags":"env"}`, "", scope{Tags: patterns("env"), Kinds: all})
	f(`{"tags":[]}`, "", scope{Tags: patterns(), Kinds: all})
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
	for _, name := range []string{"metrics", "tags", "types", "prefix"} {
		for _, value := range []string{`null`, `1`, `true`, `{}`, `{"a":"b"}`, `[1]`, `[null]`, `["count",null]`, `["count",["count"]]`, `[["count"]]`, `"a:b"`, `["count",{}]`} {
			f(`{"`+name+`":`+value+`}`, name)
		}
		f(`{"`+name+`":"count","`+name+`":"count"}`, "")
	}
	f(`{"sub":1}`, "sub")
	f(`{"sub":["a"]}`, "sub")
	f(`{"metrics":[""]}`, "metrics")
	f(`{"metrics":""}`, "metrics")
	f(`{"metrics":"web.*,app.*"}`, "metrics")
	f(`{"metrics":["a\nb"]}`, "metrics")
	f(`{"metrics":["a b"]}`, "metrics")
	f(`{"metrics":["`+strings.Repeat("a", 256)+`"]}`, "metrics")
	f(`{"metrics":["a"`+strings.Repeat(`,"a"`, 128)+`]}`, "metrics")
	f(`{"tags":[""]}`, "tags")
	f(`{"tags":"env,page"}`, "tags")
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

// TestClaimsThatBreakOffAreRefused has claims that are right up to where they break off.
func TestClaimsThatBreakOffAreRefused(t *testing.T) {
	for _, text := range []string{
		``, `null`, `"sub"`, `[]`, `{`, `{"sub"`, `{"sub":`, `{"sub":}`, `{"sub":"a"`, `{"sub":"a",`, `{"sub":"a",}`,
		`{"sub":"a",1:2}`, `{"sub":"a",null}`, `{"sub":"a"]`, `{"sub":"a""jti":"b"}`, `{"tags":["a"}`,
	} {
		if c, err := payload(text).parse(); err == nil {
			t.Errorf("%s: got %+v, want an error", text, c)
		}
	}
}

func TestLimitsAreParsed(t *testing.T) {
	v := newTestVerifier(t, Options{})
	f := func(claims string, want Limits) {
		t.Helper()
		got, err := v.Verify([]byte(signPayload(t, `{"alg":"HS256"}`, claims)))
		if err != nil || got.Limits != want {
			t.Errorf("%s: got %+v, %v, want %+v", claims, got, err, want)
		}
	}
	f(`{"rate":50}`, Limits{Rate: 50})
	f(`{"rate":0.001}`, Limits{Rate: 0.001})
	f(`{"rate":1e9}`, Limits{Rate: 1e9})
	f(`{"burst":1}`, Limits{Burst: 1})
	f(`{"burst":1e3}`, Limits{Burst: 1000})
	f(`{"burst":500.0}`, Limits{Burst: 500})
	f(`{"burst":1000000000,"max_series":1000000000}`, Limits{Burst: 1e9, MaxSeries: 1e9})
	f(`{"rate":2.5,"burst":7,"max_series":100,"Rate":"x","maxSeries":0}`, Limits{Rate: 2.5, Burst: 7, MaxSeries: 100})

	bad := func(claim, value string) {
		t.Helper()
		got, err := v.Verify([]byte(signPayload(t, `{"alg":"HS256"}`, `{"`+claim+`":`+value+`}`)))
		if want := errMalformed.Error() + ": its claim " + claim + " is wrong"; got != nil || err == nil || err.Error() != want {
			t.Errorf("%s %s: got %v, %v, want %q", claim, value, got, err, want)
		}
	}
	for _, claim := range []string{"rate", "burst", "max_series"} {
		for _, value := range []string{`0`, `-1`, `1000000001`, `1e999`, `"5"`, `""`, `null`, `true`, `[5]`, `{}`, `-0`} {
			bad(claim, value)
		}
	}
	bad("rate", "0.0009")
	bad("burst", "0.5")
	bad("burst", "1.5")
	bad("max_series", "1.000001")
}

func TestSignedClaimsAreAccepted(t *testing.T) {
	v := newTestVerifier(t, Options{Issuer: "login", Audience: "proxy", RequireExp: true})
	c := Claims{
		Issuer: "login", Subject: "<demo> & \"größe\"", Audience: "proxy", IssuedAt: now, ExpiresAt: now.Add(time.Hour),
		Metrics: []string{"web.*", "app.größe"}, Tags: []string{"env"}, Types: []string{"count", "timing"}, Prefix: "shop",
		Limits: Limits{Rate: 0.5, Burst: 20, MaxSeries: 1000},
	}
	token, err := Sign([]byte(secret), c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Verify([]byte(token))
	if err != nil {
		t.Fatal(err)
	}
	want := Grant{
		Subject: c.Subject,
		Scope: metric.Scope{
			Metrics: metric.Patterns{[]byte("web.*"), []byte("app.größe")},
			Tags:    metric.Patterns{[]byte("env")},
			Kinds:   1<<metric.Count | 1<<metric.Timing,
			Prefix:  []byte("shop"),
		},
		Limits: c.Limits,
	}
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
	if got, err := newTestVerifier(t, Options{}).Verify([]byte(token)); err != nil || got.Metrics != nil || got.Tags != nil || got.Kinds != metric.AllKinds || got.Limits != (Limits{}) {
		t.Errorf("an empty token: got grant %v, %v", got, err)
	}
	if token, err = Sign([]byte(secret), Claims{Metrics: []string{}, Tags: []string{}, Types: []string{}}); err != nil {
		t.Fatal(err)
	}
	if got, err := newTestVerifier(t, Options{}).Verify([]byte(token)); err != nil || got.Metrics == nil || got.Tags == nil || got.Kinds != 0 {
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
	f(Claims{Tags: []string{"a:b"}}, `claim tags: pattern "a:b"`)
	f(Claims{Limits: Limits{Rate: -1}}, "claim rate: want a number from 0.001 to 1000000000")
	f(Claims{Limits: Limits{Burst: -1}}, "claim burst: want an integer from 1 to 1000000000")
	f(Claims{Limits: Limits{MaxSeries: 1e9 + 1}}, "claim max_series: want an integer")
	f(Claims{Types: []string{"Count"}}, `claim types: type "Count"`)
	f(Claims{Prefix: "a:b"}, `claim prefix: prefix "a:b"`)
	f(Claims{Subject: "\xff"}, "UTF-8")
	f(Claims{ExpiresAt: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}, "claim exp")
	f(Claims{Subject: strings.Repeat("a", 8<<10)}, "at most 8192")
	if _, err := Sign(nil, Claims{}); err == nil {
		t.Error("Sign succeeds without a secret")
	}
}
