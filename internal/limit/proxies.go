package limit

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"unsafe"
)

// TrustedProxies are the addresses whose word on where a request came from is
// taken.
type TrustedProxies []netip.Prefix

// ParseTrustedProxies reads addresses and networks in CIDR form, separated by
// commas: "10.0.0.0/8, fd00::/8, 192.0.2.1". There are none in an empty text.
func ParseTrustedProxies(text string) (TrustedProxies, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var t TrustedProxies
	for element := range strings.SplitSeq(text, ",") {
		element = strings.TrimSpace(element)
		prefix, ok := parsePrefix(element)
		if !ok {
			return nil, fmt.Errorf("%q is neither an address without a zone nor a network like 10.0.0.0/8", element)
		}
		t = append(t, prefix)
	}
	return t, nil
}

func parsePrefix(text string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(text)
	if !strings.Contains(text, "/") {
		var addr netip.Addr
		addr, err = netip.ParseAddr(text)
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	addr, size := prefix.Addr(), prefix.Bits()
	if addr.Is4In6() { // it is compared in its IPv4 form
		addr, size = addr.Unmap(), size-96
	}
	prefix = netip.PrefixFrom(addr, size).Masked()
	return prefix, err == nil && prefix.IsValid() && !strings.Contains(text, "%")
}

// Contains tells whether addr is trusted. An IPv4 address may be written as
// IPv6, and have a zone.
func (t TrustedProxies) Contains(addr netip.Addr) bool {
	addr = plain(addr)
	for _, prefix := range t {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// plain returns the one form in which addresses are compared.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// maxHops is how many elements of X-Forwarded-For are looked at, and
// maxElement how long one may be with its comma and the blanks around it.
const (
	maxHops    = 16
	maxElement = 64
)

// ClientAddress returns the address of the client behind the proxies, given
// the peer of the connection and the values of all the request's
// X-Forwarded-For headers in their order, which are one list (RFC 9110,
// section 5.3).
//
// Each proxy adds the address it was called from at the right, and whatever is
// further left anybody may have written. So the list is read from the right,
// beginning with the peer, for as long as the address at hand is trusted. It is
// the client's if it is not trusted, or if nothing is left of it. It also is if
// what is left of it is no address, an empty element among them: the client
// then counts as the last trusted proxy, which is stricter than to pass over
// an element, and on to one that the client has made up. So does one behind
// more than 16 proxies.
//
// All this rests on trusted proxies that add to the header or replace it. One
// that passes it on as it came lets clients choose their address.
func (t TrustedProxies) ClientAddress(peer netip.Addr, forwardedFor [][]byte) netip.Addr {
	addr := plain(peer)
	if !t.Contains(addr) {
		return addr
	}
	hops := 0
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		for rest, isMore := forwardedFor[i], true; isMore; hops++ {
			var element []byte
			element, rest, isMore = cutLast(rest)
			next, ok := parseElement(element)
			if !ok || hops == maxHops {
				return addr
			}
			addr = next
			if !t.Contains(addr) {
				return addr
			}
		}
	}
	return addr
}

// cutLast cuts the last element off list. It does not look further than an
// element may reach: an attacker's header may be long. The element is nil if
// its beginning is out of sight.
func cutLast(list []byte) (element, rest []byte, isMore bool) {
	window := list[max(0, len(list)-maxElement):]
	comma := bytes.LastIndexByte(window, ',')
	switch {
	case comma >= 0:
		return window[comma+1:], list[:len(list)-len(window)+comma], true
	case len(window) == len(list):
		return window, nil, false
	default:
		return nil, nil, false
	}
}

// parseElement reads an element of X-Forwarded-For. Some proxies add a port:
// 192.0.2.1:5678, [2001:db8::1]:80.
func parseElement(element []byte) (netip.Addr, bool) {
	element = bytes.Trim(element, " \t")
	if len(element) == 0 {
		return netip.Addr{}, false
	}
	host, port := element, []byte(nil)
	colon := bytes.IndexByte(element, ':')
	switch {
	case element[0] == '[':
		end := bytes.IndexByte(element, ']')
		if end < 0 || colon < 0 || colon > end {
			return netip.Addr{}, false
		}
		host, port = element[1:end], element[end+1:]
	case colon >= 0 && bytes.LastIndexByte(element, ':') == colon:
		host, port = element[:colon], element[colon:]
	}
	if len(port) > 0 && !isPort(port) || bytes.IndexByte(host, '%') >= 0 { // a zone means nothing here
		return netip.Addr{}, false
	}
	// Only the error would keep the string. A conversion would allocate it.
	addr, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(host), len(host)))
	return addr.Unmap(), err == nil
}

// isPort tells whether text is a colon and a number of up to five digits.
func isPort(text []byte) bool {
	if text[0] != ':' || len(text) < 2 || len(text) > 6 {
		return false
	}
	for _, c := range text[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
