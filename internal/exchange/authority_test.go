package exchange

import "testing"

func TestAuthorities(t *testing.T) {
	f := func(want bool, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if got := IsAuthority([]byte(text)); got != want {
				t.Errorf("IsAuthority(%q) is %v", text, got)
			}
		}
	}
	f(true, "y", "shop.example", "shop.example:80", "10.0.0.1:8080", "[::1]", "[2001:db8::1]:443", "y:", "y:0", "y:65535", "y:00080",
		"a_b-c~d", "a%20b", "!$&'()*+,;=", "Y")
	f(false, "", ":", ":80", "u@y", "u:p@y", "@y", "y@", "y:65536", "y:99999", "y:8x", "y:-1", "y:+1", "y:80:80", "y: 80", "[", "[]", "[::1", "::1", "[::1]x", "[::1]80",
		"[::1]:99999", "[1.2.3.4]", "[fe80::1%eth0]", "[y]", "y]", "y[", `y\`, "y#", "y/", "y?", "a b", "%", "%2", "%zz", "a%2", "ä", "y\x00", "y\t", `"y"`, "<y>")
}
