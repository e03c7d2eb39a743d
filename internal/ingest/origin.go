package ingest

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
)

// Origins are the origins of the pages that may send. A nil list allows all.
//
//	https://shop.example     that origin
//	https://bücher.example   the same as https://xn--bcher-kva.example, as browsers send it
//	https://*.shop.example   all below it, at any depth, on the same port
//	http://localhost:*       that host on any port
//	null                     pages from files, and other pages without an origin
type Origins []originPattern

// originPattern is the text before and after the asterisk of a pattern.
type originPattern struct {
	prefix, suffix []byte
	wildcard       wildcard
}

// wildcard is what the asterisk of a pattern stands for.
type wildcard uint8

const (
	noWildcard   wildcard = iota // there is none, and no suffix
	hostWildcard                 // the beginning of a host name
	portWildcard                 // a colon and a port, or nothing
)

// ParseOrigins parses origins separated by commas; an asterisk alone allows all. An
// origin is a scheme, a host and a port, unless that is the scheme's default (RFC 6454,
// section 6.2).
func ParseOrigins(text string) (Origins, error) {
	if strings.TrimSpace(text) == "*" {
		return nil, nil
	}
	var o Origins
	for element := range strings.SplitSeq(text, ",") {
		element = strings.TrimSpace(element)
		pattern, ok := parseOrigin(element)
		if !ok {
			return nil, fmt.Errorf("%q is no origin like https://shop.example, https://*.shop.example, http://localhost:*, null or *", element)
		}
		o = append(o, pattern)
	}
	return o, nil
}

func parseOrigin(text string) (p originPattern, ok bool) {
	if text == "null" {
		return originPattern{prefix: []byte(text)}, true
	}
	text, isAnyPort := strings.CutSuffix(text, ":*")
	scheme, host, ok := strings.Cut(text, "://")
	if !ok {
		return p, false
	}
	host, isAnyHost := strings.CutPrefix(host, "*.")
	if isAnyPort && isAnyHost || strings.Contains(host, "*") {
		return p, false
	}
	origin, ok := canonicalOrigin(scheme, host)
	if !ok || isAnyPort && strings.HasSuffix(strings.TrimRight(origin, "0123456789"), ":") {
		return p, false
	}
	switch {
	case isAnyHost:
		begin, rest, _ := strings.Cut(origin, "://")
		return originPattern{[]byte(begin + "://"), []byte("." + rest), hostWildcard}, true
	case isAnyPort:
		return originPattern{[]byte(origin), nil, portWildcard}, true
	default:
		return originPattern{[]byte(origin), nil, noWildcard}, true
	}
}

// canonicalOrigin returns the origin with a scheme and a host, which may have a port, as
// browsers send it: in lower case, and the host in ASCII (RFC 5891).
func canonicalOrigin(scheme, host string) (string, bool) {
	origin := scheme + "://" + host
	u, err := url.Parse(origin)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.Host != host || hasDefaultPort(u) {
		return "", false
	}
	name, port := u.Hostname(), ""
	if u.Port() != "" {
		port = ":" + u.Port()
	}
	if !isASCII(name) {
		if name, err = idna.Lookup.ToASCII(name); err != nil || name == "" {
			return "", false
		}
		host = name + port
	}
	return strings.ToLower(u.Scheme + "://" + host), true
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r > 0x7f }) < 0
}

// hasDefaultPort reports whether a URL names the default port of its scheme, which
// browsers leave out of an origin.
func hasDefaultPort(u *url.URL) bool {
	return u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
}

// Allow reports whether the pages of an origin may send. Browsers send origins in lower
// case; Allow compares bytes.
func (o Origins) Allow(origin []byte) bool {
	if o == nil {
		return true
	}
	for i := range o {
		if o[i].matches(origin) {
			return true
		}
	}
	return false
}

func (p *originPattern) matches(origin []byte) bool {
	switch rest, hasPrefix := bytes.CutPrefix(origin, p.prefix); p.wildcard {
	case hostWildcard:
		rest, hasSuffix := bytes.CutSuffix(rest, p.suffix)
		return hasPrefix && hasSuffix && len(rest) > 0 && isHostName(rest)
	case portWildcard:
		return hasPrefix && isPort(rest)
	default:
		return hasPrefix && len(rest) == 0
	}
}

// isPort reports whether text is empty, or a colon and up to five digits.
func isPort(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if text[0] != ':' || len(text) < 2 || len(text) > len(":65535") {
		return false
	}
	for _, b := range text[1:] {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// isHostName reports whether text has no characters but those of host names as browsers
// write them, so that none of them ends the host.
func isHostName(text []byte) bool {
	for _, c := range text {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '.', c == '_':
		default:
			return false
		}
	}
	return true
}
