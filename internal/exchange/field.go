package exchange

import (
	"bytes"
	"math"
)

// FieldCounts counts the header fields that say where a request ends and which
// host it is for.
type FieldCounts struct {
	Hosts, Lengths, Codings int

	HasUnknownCoding bool // among the transfer codings
	KeepsAlive       bool // HTTP/1.0 has to ask for a connection that stays open
}

// SetField reads a header field into q. name and value lie in q.Head; value starts
// at valueStart and has no blanks around it.
func (q *Request) SetField(name, value []byte, valueStart int, counts *FieldCounts) *HTTPError {
	var field *Span
	switch len(name) {
	case len("Host"):
		if isNamed(name, "host") {
			if counts.Hosts++; !IsHost(value) {
				return BadHost
			}
		}
	case len("Expect"):
		if isNamed(name, "expect") {
			isKnown := bytes.EqualFold(value, []byte("100-continue"))
			q.WantsContinue = q.WantsContinue || isKnown
			q.BadExpectation = q.BadExpectation || !isKnown
		} else if isNamed(name, "origin") {
			field = &q.Origin
		}
	case len("Connection"):
		if isNamed(name, "connection") {
			q.WantsClose = q.WantsClose || hasOption(value, "close")
			counts.KeepsAlive = counts.KeepsAlive || hasOption(value, "keep-alive")
		}
	case len("X-JWT-Token"):
		if isNamed(name, "x-jwt-token") {
			field = &q.JWTToken
		}
	case len("Content-Type"):
		if isNamed(name, "content-type") {
			field = &q.ContentType
		}
	case len("Authorization"):
		if isNamed(name, "authorization") {
			field = &q.Authorization
		} else if isNamed(name, "if-none-match") {
			field = &q.IfNoneMatch
		}
	case len("Content-Length"):
		if isNamed(name, "content-length") {
			counts.Lengths++
			q.HasLength = true
			if q.BodyLength = parseLength(value); q.BodyLength < 0 {
				return BadLength
			}
		}
	case len("X-Forwarded-For"):
		if isNamed(name, "x-forwarded-for") {
			q.ForwardedFor = append(q.ForwardedFor, spanOf(value, valueStart))
		} else if isNamed(name, "accept-encoding") {
			field = &q.AcceptEncoding
		}
	case len("Content-Encoding"):
		if isNamed(name, "content-encoding") {
			field = &q.ContentEncoding
		}
	case len("Transfer-Encoding"):
		if isNamed(name, "transfer-encoding") {
			counts.Codings++
			if !bytes.EqualFold(value, []byte("chunked")) {
				counts.HasUnknownCoding = true
				return checkCodings(value)
			}
		}
	case len("Access-Control-Request-Method"):
		if isNamed(name, "access-control-request-method") {
			field = &q.PreflightMethod
		}
	case len("Access-Control-Request-Headers"):
		if isNamed(name, "access-control-request-headers") {
			field = &q.PreflightHeaders
		}
	}
	if field != nil && field.IsEmpty() {
		*field = spanOf(value, valueStart)
	}
	return nil
}

// spanOf returns the span of value, which starts at start.
func spanOf(value []byte, start int) Span {
	return Span{uint16(start), uint16(start + len(value))}
}

// isNamed reports whether a field name of the length of lower is lower in any case.
func isNamed(name []byte, lower string) bool {
	for i := range lower {
		if name[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// hasOption reports whether the value of a Connection field has an option (RFC
// 9110, section 7.6.1).
func hasOption(value []byte, option string) bool {
	for element := range bytes.SplitSeq(value, []byte{','}) {
		if bytes.EqualFold(bytes.Trim(element, " \t"), []byte(option)) {
			return true
		}
	}
	return false
}

// checkCodings returns an error unless value is a list of transfer codings with another
// coding than chunked (RFC 9112, section 7).
func checkCodings(value []byte) *HTTPError {
	isUnknown := false
	for element := range bytes.SplitSeq(value, []byte{','}) {
		name, _, _ := bytes.Cut(element, []byte{';'})
		name = bytes.Trim(name, " \t")
		if !IsToken(name) {
			return BadCoding
		}
		isUnknown = isUnknown || !bytes.EqualFold(name, []byte("chunked"))
	}
	if !isUnknown {
		return BadCoding
	}
	return nil
}

// hostBytes holds the bytes of hosts with a port (RFC 3986, sections 3.2.2 and
// 3.2.3).
var hostBytes = func() (table [256]bool) {
	const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for _, b := range []byte(alphanumeric + "-._~%!$&'()*+,;=:[]") {
		table[b] = true
	}
	return table
}()

// IsHost reports whether the value of a Host field consists of bytes that hosts and ports
// may contain (RFC 9110, section 7.2). Another parser may take other bytes for the end of
// the line.
func IsHost[T string | []byte](value T) bool {
	for i := range len(value) {
		if !hostBytes[value[i]] {
			return false
		}
	}
	return true
}

// parseLength returns the number in a Content-Length field. It returns -1 if text is not
// a single decimal number.
func parseLength(text []byte) int {
	if len(text) == 0 {
		return -1
	}
	n := 0
	for _, b := range text {
		digit := int(b) - '0'
		if digit < 0 || digit > 9 || n > (math.MaxInt-digit)/10 {
			return -1
		}
		n = 10*n + digit
	}
	return n
}
