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
