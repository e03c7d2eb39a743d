package limit

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestTrustedProxiesAreParsed(t *testing.T) {
	f := func(text string, want ...string) {
		t.Helper()
		trusted, err := ParseTrustedProxies(text)
		if err != nil {
			t.Errorf("%q is rejected: %v", text, err)
			return
		}
		var got []string
		for _, prefix := range trusted {
			got = append(got, prefix.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	f("")
	f("  ")
	f("10.0.0.0/8,fd00::/8,192.0.2.1", "10.0.0.0/8", "fd00::/8", "192.0.2.1/32")
	f(" 10.1.2.3/8 ,\t::1 ", "10.0.0.0/8", "::1/128")
	f("::ffff:10.0.0.0/104,::ffff:192.0.2.1", "10.0.0.0/8", "192.0.2.1/32")
	f("0.0.0.0/0,::/0", "0.0.0.0/0", "::/0")
}

func TestBadTrustedProxiesAreRefused(t *testing.T) {
	f := func(text, element string) {
		t.Helper()
		trusted, err := ParseTrustedProxies(text)
		if err == nil || trusted != nil || !strings.HasPrefix(err.Error(), element+" is neither") {
			t.Errorf("%q: got %v, %v, want an error about %s", text, trusted, err, element)
		}
	}
	f("10.0.0.0/8,", `""`)
	f(",", `""`)
	f("10.0.0.0/33", `"10.0.0.0/33"`)
	f("10.0.0.0/8/8", `"10.0.0.0/8/8"`)
	f("10.0.0/8", `"10.0.0/8"`)
	f("10.0.0.0/-1", `"10.0.0.0/-1"`)
	f("::1, localhost", `"localhost"`)
	f("fe80::1%eth0", `"fe80::1%eth0"`)
	f("::ffff:0.0.0.0/90", `"::ffff:0.0.0.0/90"`)
	f("192.0.2.1:80", `"192.0.2.1:80"`)
	f("10.0.0.0/8 fd00::/8", `"10.0.0.0/8 fd00::/8"`)
}

var trusted = TrustedProxies{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("fd00::/8"),
	netip.MustParsePrefix("192.0.2.1/32"),
}

func clientAddress(peer string, forwardedFor ...string) string {
	var values [][]byte
	for _, value := range forwardedFor {
		values = append(values, []byte(value))
	}
	return trusted.ClientAddress(netip.MustParseAddr(peer), values).String()
}

func TestClientAddress(t *testing.T) {
	f := func(want, peer string, forwardedFor ...string) {
		t.Helper()
		if got := clientAddress(peer, forwardedFor...); got != want {
			t.Errorf("from %s for %q: %s, want %s", peer, forwardedFor, got, want)
		}
	}
	// The header of an untrusted peer is ignored.
	f("203.0.113.5", "203.0.113.5")
	f("203.0.113.5", "203.0.113.5", "198.51.100.7")
	f("203.0.113.5", "203.0.113.5", "10.0.0.1, 10.0.0.2")
	f("203.0.113.5", "::ffff:203.0.113.5", "198.51.100.7")

	// The header of a trusted peer has the client.
	f("10.0.0.1", "10.0.0.1")
	f("198.51.100.7", "10.0.0.1", "198.51.100.7")
	f("198.51.100.7", "::ffff:10.0.0.1", "198.51.100.7")
	f("198.51.100.7", "fd00::1%eth0", "198.51.100.7")
	f("198.51.100.7", "10.0.0.1", "198.51.100.7, 10.0.0.3,fd00::2 ,\t192.0.2.1")
	f("198.51.100.7", "10.0.0.1", "198.51.100.7, 10.0.0.3", "fd00::2", "192.0.2.1")

	// Elements to the left of the client may be forged.
	f("198.51.100.7", "10.0.0.1", "1.1.1.1, 198.51.100.7")
	f("198.51.100.7", "10.0.0.1", "10.0.0.9, 198.51.100.7, 10.0.0.3")
	f("198.51.100.7", "10.0.0.1", "1.1.1.1", "198.51.100.7")
	f("198.51.100.7", "10.0.0.1", "\x00,,;\"'<script>, 198.51.100.7")
	f("198.51.100.7", "10.0.0.1", strings.Repeat("x", 16<<10)+", 198.51.100.7")
	f("198.51.100.7", "10.0.0.1", strings.Repeat(",", 16<<10)+"198.51.100.7")

	// The client has a trusted address.
	f("10.0.0.7", "10.0.0.1", "10.0.0.7")
	f("10.0.0.7", "10.0.0.1", "10.0.0.7, 10.0.0.2")

	// Addresses have several forms.
	f("198.51.100.7", "10.0.0.1", "198.51.100.7:5678")
	f("198.51.100.7", "10.0.0.1", "198.51.100.7:5")
	f("198.51.100.7", "10.0.0.1", ",198.51.100.7")
	f("198.51.100.7", "10.0.0.1", "::ffff:198.51.100.7")
	f("198.51.100.7", "10.0.0.1", "[::ffff:198.51.100.7]:80")
	f("2001:db8::1", "10.0.0.1", "2001:db8::1")
	f("2001:db8::1", "10.0.0.1", "[2001:db8::1]")
	f("2001:db8::1", "10.0.0.1", "[2001:db8::1]:8")
	f("2001:db8::1", "10.0.0.1", "1.1.1.1, [2001:db8::1]:80,10.0.0.2:80")
	f("2001:db8::1:2:3:4", "10.0.0.1", "[2001:0db8:0000:0000:0001:0002:0003:0004]:65535")

	// If an element is not an address, the proxy that added it is the client.
	for _, bad := range []string{
		"", " ", "unknown", "_hidden", "localhost", "1.1.1", "1.1.1.1.1", "01.1.1.1", "1.1.1.256", "1.1.1.1:", "1.1.1.1:x",
		"1.1.1.1:123456", "1.1.1.1 2.2.2.2", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]x", "[2001:db8::1]:", "[1.1.1.1]", "[1.1.1.1]:80",
		"[]", "[", ":", ":80", "::1%eth0", "[::1%eth0]:80", `"1.1.1.1"`, "for=1.1.1.1", "unix:", "1.1.1.1\x00", "１.1.1.1",
		"1.1.1.1" + strings.Repeat(" ", 100) + "2.2.2.2", strings.Repeat("1", 16<<10),
	} {
		f("10.0.0.1", "10.0.0.1", bad)
		f("10.0.0.1", "10.0.0.1", "198.51.100.7, "+bad)
		f("10.0.0.1", "10.0.0.1", "198.51.100.7", bad)
		f("10.0.0.2", "10.0.0.1", "198.51.100.7,"+bad+", 10.0.0.2")
		f("10.0.0.2", "10.0.0.1", bad, "10.0.0.2")
	}

	// The number and the length of elements are bounded.
	f("198.51.100.7", "10.0.0.1", "198.51.100.7"+strings.Repeat(", 10.0.0.2", 15)) // 16 elements
	f("10.0.0.2", "10.0.0.1", "198.51.100.7"+strings.Repeat(", 10.0.0.2", 16))
	f("10.0.0.2", "10.0.0.1", append([]string{"198.51.100.7"}, slices.Repeat([]string{"10.0.0.2"}, 16)...)...)
	f("198.51.100.7", "10.0.0.1", strings.Repeat(" ", 64-12)+"198.51.100.7, 10.0.0.2")
	f("10.0.0.2", "10.0.0.1", strings.Repeat(" ", 65-12)+"198.51.100.7, 10.0.0.2")
}

// FuzzClientAddress compares ClientAddress with a simple version that splits the
// whole list. It also checks that elements to the left of the client have no
// effect.
func FuzzClientAddress(f *testing.F) {
	f.Add("10.0.0.1", "198.51.100.7, 10.0.0.3", "fd00::2")
	f.Add("203.0.113.5", "198.51.100.7:80", "")
	f.Add("::ffff:10.0.0.1", "[2001:db8::1]:80 ,", "[::ffff:10.0.0.1]:1,\t10.1.1.1:1")
	f.Add("fd00::1%eth0", "_hidden,unknown", "10.0.0.2,,10.0.0.3")
	f.Fuzz(func(t *testing.T, peer, first, second string) {
		from, err := netip.ParseAddr(peer)
		if err != nil {
			return
		}
		got := clientAddress(peer, first, second)
		elements := strings.Split(first+","+second, ",")
		slices.Reverse(elements)
		want := from.Unmap().WithZone("")
		for i, element := range elements {
			if len(element) >= maxElementBytes || i >= maxHops {
				return // beyond the limits
			}
			if !trusted.Contains(want) {
				break
			}
			next, err := netip.ParseAddr(strings.Trim(element, " \t"))
			if err != nil {
				withPort, portErr := netip.ParseAddrPort(strings.Trim(element, " \t"))
				next, err = withPort.Addr(), portErr
			}
			if err != nil && strings.Contains(element, "[") || strings.Contains(element, ":") && err != nil {
				return // the port is out of range, or missing after the brackets
			}
			if err != nil || next.Zone() != "" {
				break
			}
			want = next.Unmap()
		}
		if got != want.String() {
			t.Fatalf("from %s for %q, %q: %s, want %s", peer, first, second, got, want)
		}
		if trusted.Contains(want) {
			return
		}
		if more := clientAddress(peer, first, second+", 198.51.100.7"); trusted.Contains(from) && more != "198.51.100.7" {
			t.Fatalf("from %s for %q, %q and 198.51.100.7: %s", peer, first, second, more)
		}
		if more := clientAddress(peer, "1.1.1.1,"+first, second); more != got {
			t.Fatalf("from %s for 1.1.1.1, %q, %q: %s, want %s", peer, first, second, more, got)
		}
	})
}
