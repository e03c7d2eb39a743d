package ingest

import (
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	f := func(list, yes, no string) {
		t.Helper()
		o, err := ParseOrigins(list)
		if err != nil {
			t.Errorf("%q: %v", list, err)
			return
		}
		for _, origin := range strings.Fields(yes) {
			if !o.Allow([]byte(origin)) {
				t.Errorf("%q does not allow %q", list, origin)
			}
		}
		for _, origin := range strings.Fields(no) {
			if o.Allow([]byte(origin)) {
				t.Errorf("%q allows %q", list, origin)
			}
		}
	}
	f("*", "https://a.example null x", "")
	f(" https://Shop.example , http://localhost:3000", "https://shop.example http://localhost:3000",
		"http://shop.example https://shop.example:8443 https://shop.example.evil.example https://a.shop.example "+
			"https://shop.example/ null http://localhost http://localhost:30001 https://SHOP.example https://shop.exampl")
	f("https://*.shop.example", "https://a.shop.example https://a.b.shop.example https://a_b-1.shop.example",
		"https://shop.example https://.shop.example http://a.shop.example https://a.shop.example:8443 https://evilshop.example "+
			"https://evil.example/.shop.example https://evil.example?.shop.example https://evil.example#.shop.example "+
			"https://u@a.shop.example https://evil.example:1.shop.example https://a.shop.example.evil.example null")
	f("https://*.shop.example:8443", "https://a.shop.example:8443", "https://a.shop.example https://a.shop.example:844 https://a.shop.example:18443")
	f("app://shop,null.example://x", "app://shop", "null")
	f("null", "null", "https://null nul nulll")
	f("https://bücher.example,https://*.BÜCHER.example,https://bücher.example:8443", "https://xn--bcher-kva.example https://a.xn--bcher-kva.example https://xn--bcher-kva.example:8443",
		"https://bücher.example https://xn--bcher-kva.example:844 https://bucher.example")
	f("https://xn--bcher-kva.example", "https://xn--bcher-kva.example", "")
	f("http://localhost:*", "http://localhost http://localhost:3000 http://localhost:1 http://localhost:65535",
		"https://localhost http://localhost: http://localhost:x http://localhost:3000x http://localhost:655350 http://localhost.evil.example http://localhost:3000.evil.example http://localhostx http://a.localhost null")
	f("http://[::1]:*,http://[::1]", "http://[::1] http://[::1]:3000", "http://[::1]x http://[::2]")
}

func TestBadOriginsAreRejected(t *testing.T) {
	for _, list := range []string{
		"", ",", "https://a.example,", "shop.example", "https://", "https://a.example/", "https://a.example/path", "https://*", "https://*example",
		"https://a.*.example", "*.shop.example", "https://*.*.example", "*,https://a.example", "https://u@a.example", "https://a.example?x",
		"https://a.example#x", "https://a.example:443", "http://a.example:80", "https://*.a.example:443", "NULL", "//a.example", "https:/a.example",
		"https://*.a.example:*", "http://localhost:80:*", "http://localhost:8*", "http://*:*", "*:*", "http://:*", "https://\u00ad", "https://bü cher.example", "https://a.example:*/", "null:*",
	} {
		if o, err := ParseOrigins(list); err == nil {
			t.Errorf("%q is accepted: %v", list, o)
		}
	}
}
