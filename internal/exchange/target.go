package exchange

import "bytes"

// IsTarget reports whether a request target, which is not empty, has a form that
// RFC 9112, section 3.2, gives to the method. Over HTTP/2 the target is :path.
//
//	/count/k?value=1            the origin form
//	http://proxy/count/k        the absolute form
//	proxy:80                    the authority form, for CONNECT
//	*                           the asterisk form, for OPTIONS
//
// Targets in another form are rejected: a proxy in front may see another path in
// them, or none.
func IsTarget(method, target []byte) bool {
	switch {
	case target[0] == '/':
		return true
	case string(target) == "*":
		return string(method) == "OPTIONS"
	case string(method) == "CONNECT":
		return IsAuthority(target)
	default:
		return isAbsolute(target)
	}
}

// isAbsolute reports whether target has the absolute form with the scheme http or
// https, in any case.
func isAbsolute(target []byte) bool {
	scheme, rest, ok := bytes.Cut(target, []byte("://"))
	if !ok || !bytes.EqualFold(scheme, []byte("http")) && !bytes.EqualFold(scheme, []byte("https")) {
		return false
	}
	if bytes.IndexByte(rest, '#') >= 0 {
		return false
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	return IsAuthority(rest[:end])
}
