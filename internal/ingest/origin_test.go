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
}

func TestBadOriginsAreRejected(t *testing.T) {
	for _, list := range []string{
		"", ",", "https://a.example,", "shop.example", "https://", "https://a.example/", "https://a.example/path", "https://*", "https://*example",
		"https://a.*.example", "*.shop.example", "https://*.*.example", "*,https://a.example", "https://u@a.example", "https://a.example?x",
		"https://a.example#x", "https://a.example:443", "http://a.example:80", "https://*.a.example:443", "null", "//a.example", "https:/a.example",
	} {
		if o, err := ParseOrigins(list); err == nil {
			t.Errorf("%q is accepted: %v", list, o)
		}
	}
}
