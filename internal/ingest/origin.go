package ingest

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
)

// Origins are the origins of the pages that may send. A nil list allows all.
//
//	https://shop.example     that origin
//	https://*.shop.example   all below it, at any depth, on the same port
type Origins []originPattern

// originPattern is the text before and after the asterisk of a pattern. A pattern
// without an asterisk has no suffix.
type originPattern struct {
	prefix, suffix []byte
	isWildcard     bool
}

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
		pattern, ok := parseOrigin(strings.ToLower(element))
		if !ok {
			return nil, fmt.Errorf("%q is no origin like https://shop.example, https://*.shop.example or *", element)
		}
		o = append(o, pattern)
	}
	return o, nil
}

func parseOrigin(text string) (originPattern, bool) {
	prefix, suffix, isWildcard := strings.Cut(text, "*.")
	sample := text // an origin that the pattern matches
	if isWildcard {
		sample = prefix + "any." + suffix
		suffix = "." + suffix
	}
	u, err := url.Parse(sample)
	if err != nil || sample != u.Scheme+"://"+u.Host || u.Scheme == "" || u.Hostname() == "" ||
		strings.Contains(sample, "*") || isWildcard && prefix != u.Scheme+"://" || hasDefaultPort(u) {
		return originPattern{}, false
	}
	return originPattern{[]byte(prefix), []byte(suffix), isWildcard}, true
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
	if !p.isWildcard {
		return bytes.Equal(origin, p.prefix)
	}
	return len(origin) > len(p.prefix)+len(p.suffix) &&
		bytes.HasPrefix(origin, p.prefix) && bytes.HasSuffix(origin, p.suffix) &&
		isHostName(origin[len(p.prefix):len(origin)-len(p.suffix)])
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
