package limit

import (
	"net/netip"
	"testing"
)

func TestAddressesOfOneClient(t *testing.T) {
	f := func(a, b string, want bool) {
		t.Helper()
		one, other := AddressClient(netip.MustParseAddr(a)), AddressClient(netip.MustParseAddr(b))
		if got := one == other; got != want {
			t.Errorf("%s and %s are the same client: %v, want %v", a, b, got, want)
		}
	}
	f("192.0.2.1", "192.0.2.1", true)
	f("192.0.2.1", "192.0.2.2", false)
	f("192.0.2.1", "::ffff:192.0.2.1", true)
	f("::ffff:192.0.2.1", "::ffff:192.0.2.2", false)
	f("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true)
	f("2001:db8:0:1::1", "2001:db8:0:2::1", false)
	f("2001:db8::1", "2001:db9::1", false)
	f("fe80::1%eth0", "fe80::1", true)
	f("::1", "0.0.0.0", false)
}

func TestClientsAreDistinct(t *testing.T) {
	seen := map[Client]string{}
	f := func(client Client, name string) {
		t.Helper()
		if other, ok := seen[client]; ok {
			t.Errorf("%s and %s are the same client", name, other)
		}
		seen[client] = name
	}
	for i := range byte(100) {
		v4, v6 := netip.AddrFrom4([4]byte{192, 0, 2, i}), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 7: i})
		f(AddressClient(v4), v4.String())
		f(AddressClient(v6), v6.String())
		f(SubjectClient(v4.String()), "subject "+v4.String())
	}
}

func TestSubjectIsNoAddress(t *testing.T) {
	f := func(subject string) {
		t.Helper()
		if client := SubjectClient(subject); client&subjectBit == 0 || client != SubjectClient(subject) || client == SubjectClient(subject+"x") {
			t.Errorf("%q: got client %#x", subject, client)
		}
	}
	f("")
	f("alice")
	f("\xc0\x00\x02\x01") // the bytes of 192.0.2.1
	for _, addr := range []string{"192.0.2.1", "::1", "2001:db8::1", "255.255.255.255", "fe80::1%eth0"} {
		if client := AddressClient(netip.MustParseAddr(addr)); client&subjectBit != 0 {
			t.Errorf("%s: got client %#x", addr, client)
		}
	}
	if AddressClient(netip.Addr{})&subjectBit != 0 {
		t.Error("the zero address counts as a subject")
	}
}
