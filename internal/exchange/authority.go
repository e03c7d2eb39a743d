package exchange

import (
	"bytes"
	"net/netip"
)

// IsAuthority reports whether text is a host and, after a colon, an optional port
// of at most 65535 (RFC 9110, section 4.2). It has no userinfo. The port may be
// empty, the host may not.
//
//	shop.example   10.0.0.1:8080   [2001:db8::1]:80
func IsAuthority(text []byte) bool {
	var port []byte
	if len(text) > 0 && text[0] == '[' {
		end := bytes.IndexByte(text, ']')
		if end < 0 || !isIPv6(text[1:end]) {
			return false
		}
		rest := text[end+1:]
		if len(rest) > 0 && rest[0] != ':' {
			return false
		}
		port = bytes.TrimPrefix(rest, []byte{':'})
	} else {
		var host []byte
		if host, port, _ = bytes.Cut(text, []byte{':'}); !isRegisteredName(host) {
			return false
		}
	}
	n := 0
	for _, b := range port {
		if n = 10*n + int(b) - '0'; b < '0' || b > '9' || n > 65535 {
			return false
		}
	}
	return true
}

// isIPv6 reports whether text is an IPv6 address without a zone.
func isIPv6(text []byte) bool {
	address, err := netip.ParseAddr(string(text))
	return err == nil && address.Is6() && address.Zone() == ""
}

// isRegisteredName reports whether text is a name or an IPv4 address (RFC 3986,
// section 3.2.2) that is not empty.
func isRegisteredName(text []byte) bool {
	for i, b := range text {
		switch {
		case !hostBytes[b] || b == '[' || b == ']' || b == ':':
			return false
		case b == '%' && (i+2 >= len(text) || !isHex(text[i+1]) || !isHex(text[i+2])):
			return false
		}
	}
	return len(text) > 0
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}
