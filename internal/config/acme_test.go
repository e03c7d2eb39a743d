package config

import (
	"strings"
	"testing"
)

func TestDomainsAreHostNames(t *testing.T) {
	ok := func(name string) {
		t.Helper()
		if err := checkDomain(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	ok("metrics.shop.example")
	ok("a.b")
	ok("xn--bcher-kva.example")
	ok("1.2.3.example")
	ok(strings.Repeat("a", 63) + ".example")
	fails := func(name, want string) {
		t.Helper()
		if err := checkDomain(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", name, err, want)
		}
	}
	const form = "such as metrics.shop.example"
	fails("", form)
	fails("localhost", form)
	fails("metrics..example", form)
	fails(".example", form)
	fails("metrics example", form)
	fails("metrics_1.shop.example", form)
	fails("-a.example", form)
	fails("metrics.shop.example..", form)
	fails(strings.Repeat("a", 64)+".example", form)
	fails(strings.Repeat("abcdefg.", 32)+"example", form)
	fails("192.0.2.7", "instead of an address")
	fails("2001:db8::1", "instead of an address")
	fails("[2001:db8::1]", "instead of an address")
	fails("*.shop.example", "each host name in full")
	fails("metrics.shop.example:8443", "--http-port=8443")
	fails("https://metrics.shop.example", "only the host name of the URL")
	fails("metrics.shop.example/", "only the host name of the URL")
	fails("metrics.shop.example.", "want it as clients send it: metrics.shop.example")
	fails("Metrics.Shop.example", "want it as clients send it: metrics.shop.example")
	fails("bücher.example", "want it as clients send it: xn--bcher-kva.example")
}

func TestOptionsOfACME(t *testing.T) {
	ok := func(args string) {
		t.Helper()
		if _, err := Parse(strings.Fields(args)); err != nil {
			t.Errorf("%s: %v", args, err)
		}
	}
	ok("--acme-domain=a.example --acme-cache=/c --acme-email=ops@shop.example --acme-directory=https://acme.example/dir")
	ok("--acme-domain=a.example --acme-directory=http://127.0.0.1:14000/dir")
	ok("--acme-domain=a.example --acme-directory=http://[::1]/dir")
	ok("--acme-domain=a.example --acme-directory=http://localhost/dir")
	ok("--acme-domain=a.example --tls-ticket-key-file=f")
	fails := func(args, want string) {
		t.Helper()
		if _, err := Parse(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", args, err, want)
		}
	}
	fails("--acme-cache=/c", "--acme-cache is given without --acme-domain")
	fails("--acme-email=a@b.example", "--acme-email is given without --acme-domain")
	fails("--acme-directory=https://acme.example/dir", "--acme-directory is given without --acme-domain")
	fails("--acme-domain=a.example --tls-cert=c --tls-key=k", "--acme-domain is given with --tls-cert or --tls-key")
	fails("--acme-domain=a.example --tls-cert=c", "--acme-domain is given with --tls-cert or --tls-key")
	fails("--acme-domain=a.example --tls-key=k", "--acme-domain is given with --tls-cert or --tls-key")
	fails("--acme-domain=a.example,", `invalid --acme-domain "a.example,"`)
	for _, email := range []string{"ops", "ops@", "Ops<ops@shop.example>", ""} {
		fails("--acme-domain=a.example --acme-email="+email, "want an address such as ops@shop.example")
	}
	for _, directory := range []string{"acme.example", "ftp://acme.example", "https://", "https:///dir", "https://user:password@acme.example/", "https://acme.example/#dir"} {
		fails("--acme-domain=a.example --acme-directory="+directory, "want a URL such as https://acme.example/directory")
	}
	fails("--acme-domain=a.example --acme-directory=http://acme.example/dir", "begins with https://")
	fails("--acme-domain=a.example --acme-directory=http://10.0.0.1/dir", "begins with https://")
}
