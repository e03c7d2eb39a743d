package http2

import (
	"bytes"

	"statsd-http-proxy/internal/exchange"
)

// nameBytes holds the bytes of field names: those of tokens but capital letters (RFC 9113,
// section 8.2.1).
var nameBytes = func() (table [256]bool) {
	for i := range table {
		table[i] = exchange.IsToken([]byte{byte(i)}) && !('A' <= i && i <= 'Z')
	}
	return table
}()

// isFieldName reports whether a name may be that of a field.
func isFieldName(name string) bool {
	for i := range len(name) {
		if !nameBytes[name[i]] {
			return false
		}
	}
	return name != ""
}

// isFieldValue reports whether a value has no control characters other than tabs, as over
// HTTP/1.
func isFieldValue(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}

// hasBlanks reports whether a value begins or ends with a blank.
func hasBlanks(value string) bool {
	return value != "" && (isBlank(value[0]) || isBlank(value[len(value)-1]))
}

func isBlank(b byte) bool { return b == ' ' || b == '\t' }

// isTargetLike reports whether :path can be answered: it is a path, * or a URL.
func isTargetLike(target []byte) bool {
	return len(target) > 0 && (target[0] == '/' || string(target) == "*" || bytes.Contains(target, []byte("://")))
}

// checkHead checks the fields of a request that is complete. It sets isMalformed or
// returns an error.
func (h *headBlock) checkHead() *exchange.HTTPError {
	q := &h.x.Request
	head := h.x.HeadBuffer
	q.Head = head
	authority := head[h.authority.Start:h.authority.End]
	if h.herr != nil {
		return h.herr
	}
	if h.violation != nil {
		return h.violation
	}
	method := q.Bytes(q.Method)
	if h.pseudo&pseudoMethod == 0 || !exchange.IsToken(method) {
		h.isMalformed = true
		return nil
	}
	if string(method) == "CONNECT" { // RFC 9113, section 8.5
		if h.pseudo != pseudoMethod|pseudoAuthority {
			h.isMalformed = true
		} else if !exchange.IsAuthority(authority) {
			return exchange.BadHost
		}
		q.Target = h.authority
		return nil
	}
	scheme := string(head[h.scheme.Start:h.scheme.End])
	target := q.Bytes(q.Target)
	if scheme != "http" && scheme != "https" || !isTargetLike(target) {
		h.isMalformed = true
		return nil
	}
	host := head[h.host.Start:h.host.End]
	switch {
	case len(authority) > 0 && !exchange.IsAuthority(authority):
		return exchange.BadHost
	case h.counts.Hosts > 1 || h.counts.Hosts == 1 && len(authority) > 0 && !bytes.EqualFold(host, authority): // ibid., section 8.3.1
		return exchange.BadHost
	case !exchange.IsTarget(method, target) || bytes.IndexByte(target, ' ') >= 0 || bytes.IndexByte(target, '\t') >= 0:
		return badTarget
	case h.counts.Lengths > 1:
		return exchange.BadLength
	}
	return nil
}
