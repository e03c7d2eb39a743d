package ingest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/proxytest"
)

func TestTokenIsFoundInEachPlace(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens)
	good, bad := proxytest.Token(t, nil), proxytest.Token(t, nil)+"x"
	f := func(target string, headers ...string) {
		t.Helper()
		p.Forwards(strings.Join(headers, " "), p.Do("POST", target, "value=1", headers...), "k:1|c")
	}
	f("/count/k", "X-JWT-Token: "+good)
	f("/count/k", "x-jwt-token: "+good)
	f("/count/k", "Authorization: Bearer "+good)
	f("/count/k", "Authorization: bEARER   "+good)
	f("/count/k", "X-JWT-Token: Bearer "+good)
	f("/count/k", "X-JWT-Token: bEARER   "+good)
	f("/count/k", "X-JWT-Token: Bearer ", "Authorization: Bearer "+good)
	f("/count/k?token=" + good)
	f("/count/k?token=" + strings.ReplaceAll(good, ".", "%2E"))
	f("/count/k?token=" + good + "%0A")
	f("/count/k?token=+%0D%0A" + good + "%20%09")
	f("/count/k", "X-JWT-Token: \t "+good+" \t")
	f("/count/k?token="+good, "X-JWT-Token: ", "Authorization: ")
	f("/count/k?token="+good, "Authorization: Basic dTpw")
	f("/count/k?token="+bad, "X-JWT-Token: "+good, "Authorization: Bearer "+bad)
	f("/count/k?token="+bad, "Authorization: Bearer "+good)
	p.Forwards("query alone", p.Do("POST", "/count/k?value=3&token="+good, ""), "k:3|c")

	missing := func(target string, headers ...string) {
		t.Helper()
		a := p.Do("POST", target, "value=1", headers...)
		p.Rejects(target+strings.Join(headers, " "), a, 401, "token is missing")
		if got := a.Header.Get("WWW-Authenticate"); got != `Bearer realm="metrics"` {
			t.Errorf("WWW-Authenticate: %q", got)
		}
	}
	missing("/count/k")
	missing("/count/k?token=")
	missing("/count/k?token=%20%0A")
	missing("/count/k", "X-JWT-Token: ")
	missing("/count/k", "X-JWT-Token: bearer")
	missing("/count/k", "Authorization: Bearer")
	missing("/count/k", "Authorization: "+good)
	missing("/count/k", "Cookie: token="+good)

	wrong := func(message, target string, headers ...string) {
		t.Helper()
		a := p.Do("POST", target, "value=1", headers...)
		p.Rejects(message, a, 403, message)
		if strings.Contains(a.Body, bad) {
			t.Errorf("the response repeats the token: %s", a.Body)
		}
	}
	wrong("malformed", "/count/k", "X-JWT-Token: nonsense")
	wrong("malformed", "/count/k", "X-JWT-Token: Bearer nonsense")
	wrong("malformed", "/count/k", "X-JWT-Token: Bearer"+good)
	wrong("malformed", "/count/k?token=%zz")
	wrong("bad signature", "/count/k?token="+good, "X-JWT-Token: "+bad)
	wrong("expired", "/count/k", "X-JWT-Token: "+proxytest.Token(t, jwt.MapClaims{"exp": 1}))
	wrong("not valid yet", "/count/k", "X-JWT-Token: "+proxytest.Token(t, jwt.MapClaims{"nbf": time.Now().Add(time.Hour).Unix()}))
}

func TestTokenLimitsTheMetrics(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens, proxytest.WithMetrics(t, metric.Options{Prefix: "site"}))
	good := "X-JWT-Token: " + proxytest.Token(t, jwt.MapClaims{"metrics": []string{"web.*"}, "types": []string{"count", "set"}, "prefix": "shop"})
	p.Forwards("allowed", p.Do("POST", "/count/web.load", "value=1", good), "site.shop.web.load:1|c")
	p.Forwards("allowed", p.Do("POST", "/set", "name=web.user&value=a", good), "site.shop.web.user:a|s")
	p.Rejects("name", p.Do("POST", "/count/app.load", "value=1", good), 403, `the token does not allow the name "app.load"`)
	p.Rejects("name", p.Do("POST", "/count/shop.web.load", "value=1", good), 403, "does not allow the name")
	p.Rejects("type", p.Do("POST", "/gauge/web.load", "value=1", good), 403, "the token does not allow the type gauge")
	p.Rejects("bad and not allowed", p.Do("POST", "/count/app%0Aload", "value=1", good), 400, "name")

	a := p.Do("POST", "/batch", "web.a:1|c\napp.b:1|c\nweb.c:1|ms", good)
	const want = `{"accepted":1,"rejected":[{"index":1,"error":"the token does not allow the name \"app.b\""},` +
		`{"index":2,"error":"the token does not allow the type timing"}]}`
	if sent := p.Sink.Take(); a.Status != 200 || a.Body != want || len(sent) != 1 || sent[0] != "site.shop.web.a:1|c" {
		t.Errorf("got %d %s and sent %q", a.Status, a.Body, sent)
	}
	// The grant does not stay for the next request.
	other := "X-JWT-Token: " + proxytest.Token(t, nil)
	p.Forwards("another token", p.Do("POST", "/gauge/app.load", "value=1", other), "site.app.load:1|g")
}

func TestTagKeysMayBeForbidden(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTokens, proxytest.WithMetrics(t, metric.Options{AllowTags: metric.Patterns{[]byte("env"), []byte("app.*")}}))
	limited := "X-JWT-Token: " + proxytest.Token(t, jwt.MapClaims{"tags": []string{"env", "page"}})
	free := "X-JWT-Token: " + proxytest.Token(t, nil)
	p.Forwards("allowed", p.Do("POST", "/count/k", "value=1&tags=env=prod", limited), "k,env=prod:1|c")
	p.Forwards("allowed", p.Do("POST", "/count/k", "value=1&tags=app.x=1", free), "k,app.x=1:1|c")
	p.Rejects("not in the token", p.Do("POST", "/count/k", "value=1&tags=app.x=1", limited), 403, `the token does not allow the key "app.x"`)
	p.Rejects("not in the option", p.Do("POST", "/count/k", "value=1&tags=page=1", limited), 403, `the key "page" is not allowed here`)
	p.Rejects("not in the option", p.Do("POST", "/count/k", "value=1&tags=page=1", free), 403, "not allowed here")
	p.Rejects("reserved", p.Do("POST", "/count/k", "value=1&tags=__a=1", free), 400, "reserved")
	a := p.Do("POST", "/batch", "k,app.x=1:1|c\nk,env=prod:1|c", limited)
	if sent := p.Sink.Take(); a.Status != 200 || len(sent) != 1 || !strings.Contains(a.Body, "does not allow the key") {
		t.Errorf("got %d %s and sent %q", a.Status, a.Body, sent)
	}
}
