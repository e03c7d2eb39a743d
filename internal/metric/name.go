package metric

import (
	"bytes"
	"errors"
	"fmt"

	"statsd-http-proxy/internal/quote"
)

// MaxName is the maximum length of a name with its prefixes, in bytes.
const MaxName = 255

// appendName appends the name of m after its prefixes. It returns an error if
// the name is invalid or the client may not write it.
//
//	configured.token.some.key
//	                 ^^^^^^^^ patterns match this part
func (e *Encoder) appendName(dst []byte, s *spans, m *Metric, scope *Scope) ([]byte, error) {
	if err := checkSegments(m.Name); err != nil {
		return nil, err
	}
	if len(m.Name) > e.maxLine {
		return nil, e.errTooLong() // before dst grows
	}
	dst = append(dst, e.prefix...)
	if scope != nil && len(scope.Prefix) > 0 {
		var err error
		if dst, err = e.appendPrefix(dst, scope.Prefix); err != nil {
			return nil, newForbiddenError("the token's prefix %s %w", quote.Bytes(scope.Prefix), err)
		}
	}
	prefixEnd := len(dst)
	s.added = prefixEnd - s.start
	dst, err := e.names.append(dst, m.Name)
	if err != nil {
		return nil, quote.Wrap("name %s %w", m.Name, err)
	}
	s.nameEnd = len(dst)
	if n := s.nameEnd - s.start; n > MaxName {
		return nil, fmt.Errorf("name %s takes %d bytes with the prefix, more than %d", quote.Bytes(m.Name), n, MaxName)
	}
	if name := dst[s.start:]; e.mayBeReserved(name) {
		if err := e.checkReservedName(m.Kind, name); err != nil {
			return nil, err
		}
	}
	if scope != nil || e.hasPatterns {
		return dst, e.checkAllowed(m.Kind, dst[prefixEnd:], scope)
	}
	return dst, nil
}

// checkSegments rejects names with path segments that a proxy in front may
// rewrite, see RFC 3986, section 6.2.2.3.
func checkSegments(name []byte) error {
	if len(name) == 0 {
		return errors.New("name is empty")
	}
	if name[0] != '.' && bytes.IndexByte(name, '/') < 0 {
		return nil
	}
	for rest, more := name, true; more; {
		var segment []byte
		segment, rest, more = bytes.Cut(rest, []byte{'/'})
		switch string(segment) {
		case "":
			return quote.Error("name %s has an empty path segment", name)
		case ".", "..":
			return fmt.Errorf("name %s has the path segment %q", quote.Bytes(name), segment)
		}
	}
	return nil
}
