package server

import (
	"bytes"
	"fmt"
	"net/url"
	"strings"
)

// Origins are the origins of pages whose requests are served. A nil list
// stands for all of them.
//
//	https://shop.example     that origin
//	https://*.shop.example   any below it, at any depth, on the same port
type Origins []originPattern

// originPattern is what an origin begins with and, behind a part that is to be
// names of a host, ends with. Without an asterisk there is no end.
type originPattern struct {
	begin, end []byte
	isBelow    bool // there was an asterisk
}

// ParseOrigins reads origins separated by commas; an asterisk alone stands for
// all. An origin is a scheme, a host and a port unless that is the scheme's
// own (RFC 6454, section 6.2).
func ParseOrigins(text string) (Origins, error) {
	if strings.TrimSpace(text) == "*" {
		return nil, nil
	}
	var o Origins
	for one := range strings.SplitSeq(text, ",") {
		one = strings.TrimSpace(one)
		pattern, ok := parseOrigin(strings.ToLower(one))
		if !ok {
			return nil, fmt.Errorf("%q is no origin like https://shop.example, https://*.shop.example or *", one)
		}
		o = append(o, pattern)
	}
	return o, nil
}

func parseOrigin(text string) (originPattern, bool) {
	begin, end, isBelow := strings.Cut(text, "*.")
	whole := text
	if isBelow {
		whole = begin + "any." + end
		end = "." + end
	}
	u, err := url.Parse(whole)
	if err != nil || whole != u.Scheme+"://"+u.Host || u.Scheme == "" || u.Hostname() == "" ||
		strings.Contains(whole, "*") || isBelow && begin != u.Scheme+"://" || isOwnPort(u) {
		return originPattern{}, false
	}
	return originPattern{[]byte(begin), []byte(end), isBelow}, true
}

// isOwnPort tells whether a URL names the port of its scheme, which browsers
// leave out of an origin.
func isOwnPort(u *url.URL) bool {
	return u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80"
}

// Allow tells whether pages of an origin are served. It is compared as browsers
// send it, in lower case.
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
	if !p.isBelow {
		return bytes.Equal(origin, p.begin)
	}
	return len(origin) > len(p.begin)+len(p.end) &&
		bytes.HasPrefix(origin, p.begin) && bytes.HasSuffix(origin, p.end) &&
		isHostName(origin[len(p.begin):len(origin)-len(p.end)])
}

// isHostName tells whether text consists of what names of hosts do, as browsers
// write them: nothing that could end a host.
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
