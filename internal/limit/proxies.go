package limit

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"unsafe"
)

// TrustedProxies are the addresses of proxies whose X-Forwarded-For is trusted.
type TrustedProxies []netip.Prefix

// ParseTrustedProxies parses a comma-separated list of addresses and networks,
// such as "10.0.0.0/8, fd00::/8, 192.0.2.1". A blank text is an empty list.
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

// parsePrefix parses a network, or an address as a network of one address.
func parsePrefix(text string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(text)
	if !strings.Contains(text, "/") {
		var addr netip.Addr
		addr, err = netip.ParseAddr(text)
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	addr, bits := prefix.Addr(), prefix.Bits()
	if addr.Is4In6() { // Contains compares IPv4 addresses as IPv4
		addr, bits = addr.Unmap(), bits-96
	}
	prefix = netip.PrefixFrom(addr, bits).Masked()
	return prefix, err == nil && prefix.IsValid() && !strings.Contains(text, "%")
}

// Contains reports whether addr is one of t. addr may be an IPv4-mapped IPv6
// address, and its zone is ignored.
func (t TrustedProxies) Contains(addr netip.Addr) bool {
	addr = normalize(addr)
	for _, prefix := range t {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// normalize returns the form in which addresses are compared: IPv4 as IPv4, and
// no zone.
func normalize(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// Limits for reading X-Forwarded-For.
const (
	maxHops         = 16 // elements
	maxElementBytes = 64 // of an element, with its comma and the blanks around it
)

// ClientAddress returns the address of the client that sent a request. peer is
// the remote address of the connection. forwardedFor are the values of the
// request's X-Forwarded-For headers in order; they count as one list (RFC 9110,
// section 5.3).
//
// Each proxy appends the address of its own client to the list. Elements further
// to the left may be forged. So ClientAddress begins with peer, and moves to the
// next element from the right while the current address is a trusted proxy. It
// returns the first address that is not trusted, or the last one if the list
// ends.
//
// If the next element is not an address, or is more than 16 elements away,
// ClientAddress returns the current address: the client then shares the limits
// of its proxy. To skip the element would be wrong, since the elements to the
// left of it may be forged.
//
// All this requires that trusted proxies append to the header or replace it. If
// a proxy forwards the header unchanged, clients can forge their address.
func (t TrustedProxies) ClientAddress(peer netip.Addr, forwardedFor [][]byte) netip.Addr {
	addr := normalize(peer)
	if !t.Contains(addr) {
		return addr
	}
	hops := 0
	for i := len(forwardedFor) - 1; i >= 0; i-- {
		for rest, hasMore := forwardedFor[i], true; hasMore; hops++ {
			var element []byte
			element, rest, hasMore = cutLast(rest)
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

// cutLast splits list at its last comma, and reports whether there is one. It
// searches only the last maxElementBytes bytes, because an attacker can send a
// long header. If the element is longer, cutLast returns a nil element,
// which parseElement rejects.
func cutLast(list []byte) (element, rest []byte, hasMore bool) {
	end := list[max(0, len(list)-maxElementBytes):]
	comma := bytes.LastIndexByte(end, ',')
	switch {
	case comma >= 0:
		return end[comma+1:], list[:len(list)-len(end)+comma], true
	case len(end) == len(list):
		return end, nil, false
	default:
		return nil, nil, false
	}
}

// parseElement parses an element of X-Forwarded-For: an address, with or without
// a port, as in 192.0.2.1, 192.0.2.1:5678, 2001:db8::1 and [2001:db8::1]:80.
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
	if len(port) > 0 && !isPort(port) || bytes.ContainsRune(host, '%') { // zones are local to the proxy
		return netip.Addr{}, false
	}
	// string(host) would allocate. ParseAddr keeps its argument only in errors,
	// which are dropped here.
	addr, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(host), len(host)))
	return addr.Unmap(), err == nil
}

// isPort reports whether text is a colon and one to five digits.
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
