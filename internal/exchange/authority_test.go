package exchange

import (
	"strings"
	"testing"
	"unicode"
)

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

// TestAuthoritiesConsistOfSomeBytes tries each byte in a host, in an escape and in a port.
func TestAuthoritiesConsistOfSomeBytes(t *testing.T) {
	f := func(text string, want bool) {
		t.Helper()
		if got := IsAuthority([]byte(text)); got != want {
			t.Errorf("IsAuthority(%q) is %v", text, got)
		}
	}
	for b := range 256 {
		c := string([]byte{byte(b)})
		isDigit := '0' <= b && b <= '9'
		f("a"+c+"80", c == ":" || b < 0x80 && (unicode.IsLetter(rune(b)) || isDigit || strings.Contains("-._~!$&'()*+,;=", c)) || c == "%")
		isHex := strings.Contains("0123456789abcdefABCDEF", c)
		f("a%2"+c, isHex)
		f("a%"+c+"2b", isHex)
		f("a:"+c, isDigit)
		f("[::1]"+c, c == ":")
	}
	f("a%2", false)
	f("a%20:1", true)
	f("[::1]:0", true)
	f("[::1]:65535", true)
	f("[::1]:65536", false)
	f("[::1]::80", false)
	f("[::ffff:1.2.3.4]", true)
}
