package metric

import (
	"errors"
	"strings"
	"testing"
)

func TestAppendObeysTheScope(t *testing.T) {
	e := newTestEncoder(t, Options{Prefix: "site", Metrics: parsePatterns(t, "web.*", "app_*")})
	// f appends a count with a scope. want is the line without its value, or the
	// beginning of the error.
	f := func(name string, scope *Scope, want string) {
		t.Helper()
		l := Lines{Bytes: []byte("before"), Ends: []int{6}}
		_, err := e.Append(&l, &Metric{Name: []byte(name), Value: num("1")}, scope)
		var forbidden *ForbiddenError
		switch {
		case err == nil && string(l.Bytes) == "before\n"+want+":1|c":
		case errors.As(err, &forbidden) && strings.HasPrefix(err.Error(), want) && string(l.Bytes) == "before":
		default:
			t.Errorf("%q in %+v: got %q, %v, want %q", name, scope, l.Bytes, err, want)
		}
	}
	f("web.load", nil, "site.web.load")
	f("web", nil, `the name "web" is not allowed here`)
	f("site.web.load", nil, `the name "site.web.load" is not allowed here`) // patterns do not match the prefix
	f("other", nil, `the name "other" is not allowed here`)
	f("app x", nil, "site.app_x") // patterns match the name as written

	all := &Scope{Kinds: AllKinds}
	f("web.load", all, "site.web.load")
	f("other", all, `the name "other" is not allowed here`)
	f("web.load", &Scope{}, `the token does not allow the type count`)
	f("web.load", &Scope{Kinds: 1<<Timing | 1<<Gauge}, `the token does not allow the type count`)
	f("web.load", &Scope{Kinds: 1 << Count}, "site.web.load")

	load := &Scope{Kinds: AllKinds, Metrics: parsePatterns(t, "web.load", "other")}
	f("web.load", load, "site.web.load")
	f("web.paint", load, `the token does not allow the name "web.paint"`)
	f("other", load, `the name "other" is not allowed here`) // a token cannot allow more than the options
	f("web.load", &Scope{Kinds: AllKinds, Metrics: Patterns{}}, `the token does not allow the name "web.load"`)

	f("web.load", &Scope{Kinds: AllKinds, Prefix: []byte("shop")}, "site.shop.web.load")
	f("web.load", &Scope{Kinds: AllKinds, Prefix: []byte("shop_")}, "site.shop_web.load")
	f("web.load", &Scope{Kinds: AllKinds, Prefix: []byte("größe")}, "site.größe.web.load")
	f("load", &Scope{Kinds: AllKinds, Prefix: []byte("web.")}, `the name "load" is not allowed here`)
	f("web.load", &Scope{Kinds: AllKinds, Prefix: []byte("a:b")}, `the token's prefix "a:b"`)
}

func TestTokenPrefixCountsForTheLength(t *testing.T) {
	e := newTestEncoder(t, Options{})
	scope := &Scope{Kinds: AllKinds, Prefix: []byte("shop")}
	f := func(length int, want bool) {
		t.Helper()
		_, err := e.Append(new(Lines), &Metric{Name: []byte(strings.Repeat("k", length)), Value: num("1")}, scope)
		if (err == nil) != want {
			t.Errorf("a name of %d bytes after the prefix %q: %v", length, scope.Prefix, err)
		}
	}
	f(MaxName-len("shop."), true)
	f(MaxName-len("shop.")+1, false)
}

// TestWrittenIdentifiesTheSeries appends metrics of one series that differ in
// everything else.
func TestWrittenIdentifiesTheSeries(t *testing.T) {
	f := func(format, name, tags string) {
		t.Helper()
		e := newTestEncoder(t, Options{TagFormat: format, Prefix: "p"})
		for _, m := range []*Metric{
			{Kind: Count, Value: num("1"), SampleRate: num("0.5")},
			{Kind: Gauge, Value: num("-5")},
			{Kind: Timing, Value: num("320"), FromLine: true, More: []Value{num("1"), num("2")}},
		} {
			m.Name, m.Tags = []byte("k"), []Tag{tag("env", "prod")}
			l := Lines{Bytes: []byte("before"), Ends: []int{6}}
			w, err := e.Append(&l, m, nil)
			if err != nil || string(w.Name) != name || string(w.Tags) != tags {
				t.Errorf("%s: %q: got %q, %q, %v, want %q, %q", format, l.Bytes, w.Name, w.Tags, err, name, tags)
			}
		}
	}
	f("influxdb", "p.k,env=prod", "")
	f("graphite", "p.k;env=prod", "")
	f("dogstatsd", "p.k", "|#env:prod")
	f("librato", "p.k#env=prod", "")
	f("signalfx", "p.k[env=prod]", "")
	f("none", "p.k", "")
}
