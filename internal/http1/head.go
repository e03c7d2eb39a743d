// Package http1 reads requests and writes responses of HTTP/1.0 and HTTP/1.1 (RFC
// 9112). Its functions are pure: bytes in, values out. They know no connection and
// can stop at any byte.
//
//	head of a request    HeadParser     ─▶ exchange.Request
//	body in chunks       ChunkDecoder   ─▶ data
//	exchange.Response    AppendResponse ─▶ bytes
package http1

import (
	"bytes"
	"net/http"

	"statsd-http-proxy/internal/exchange"
)

var (
	badRequestLine = exchange.Malformed("its first line is not a method, a target and a version, each set apart by one space")
	badVersion     = exchange.Malformed("its version is not HTTP/1.0 or HTTP/1.1")
	badLineEnd     = exchange.Malformed("a line does not end in CR LF")
	badName        = exchange.Malformed("a header's name holds more than letters, digits and !#$%&'*+-.^_`|~")
	badValue       = exchange.Malformed("a header's value holds a control character")
	twoLengths     = exchange.Malformed("it has both a Content-Length and a Transfer-Encoding")
)

// otherVersion is the error for another major version of HTTP.
var otherVersion = exchange.NewError(http.StatusHTTPVersionNotSupported, "the server does not support this version of HTTP: use HTTP/1.1")

// NotHTTP is the error for a first line of three words that are neither a target nor a
// version, such as a wrong connection preface of HTTP/2. A client that sends it would not
// understand a response.
var NotHTTP = exchange.Malformed("its first line is no request line")

// HeadTooShort is the error for a connection that ends within a head.
var HeadTooShort = exchange.Malformed("it ends before its headers do")

// HeadParser parses the head of one request, which may arrive in pieces:
//
//	POST /count/k HTTP/1.1␍␊
//	Content-Length: 7␍␊
//	␍␊
//
// Its zero value is ready for a request.
type HeadParser struct {
	scanned        int // bytes of the head that have been searched for line ends
	parsed         int // bytes of the lines that are parsed
	hasRequestLine bool
	counts         exchange.FieldCounts
}

// Parse parses the head at the beginning of received into q and returns its length in
// bytes. It returns 0 if the head is not complete: the caller then calls it again with
// the same bytes and further ones after them. The bytes may have moved in memory; q.Head
// is set to those of the last call. After an error, q holds an unknown part of the head,
// or all of it if the error is exchange.UnknownCoding.
//
// Parse accepts any byte above 0x7F in a target, because curl sends names in UTF-8
// that way. It rejects a field that is folded onto a second line (RFC 9112, section
// 5.2), because the second line starts with a blank instead of a name.
func (p *HeadParser) Parse(received []byte, q *exchange.Request) (length int, herr *exchange.HTTPError) {
	received = received[:min(len(received), exchange.MaxHead)]
	isFull := len(received) == exchange.MaxHead
	if bytes.IndexByte(received[p.scanned:], '\n') < 0 && !isFull {
		p.scanned = len(received)
		return 0, nil // no further line is complete
	}
	p.scanned = len(received)
	q.Head = received
	if !p.hasRequestLine {
		if herr := p.parseRequestLine(received, q); herr != nil {
			return 0, herr
		}
	}
	if p.hasRequestLine {
		isComplete, herr := p.parseFields(received, q)
		if herr != nil {
			return 0, herr
		}
		if isComplete {
			q.Head = received[:p.parsed]
			return p.parsed, setFraming(q, &p.counts)
		}
	}
	switch {
	case !isFull:
		return 0, nil
	case !p.hasRequestLine:
		return 0, exchange.TargetTooLong
	default:
		return 0, exchange.HeadTooLong
	}
}

// parseRequestLine parses the request line if it is complete.
//
//	POST /count/k HTTP/1.1
//	^^^^ ^^^^^^^^ ^^^^^^^^
//	method target version
func (p *HeadParser) parseRequestLine(received []byte, q *exchange.Request) *exchange.HTTPError {
	end, herr := lineEnd(received, badRequestLine)
	if end < 0 || herr != nil {
		return herr
	}
	line := received[:end]
	methodEnd := exchange.TokenLength(line)
	if methodEnd == 0 || methodEnd == len(line) || line[methodEnd] != ' ' || bytes.IndexByte(line, '\t') >= 0 {
		return badRequestLine
	}
	targetStart := methodEnd + 1
	targetLength := bytes.IndexByte(line[targetStart:], ' ')
	if targetLength <= 0 {
		return badRequestLine
	}
	targetEnd := targetStart + targetLength
	isTarget := exchange.IsTarget(line[:methodEnd], line[targetStart:targetEnd])
	version := line[targetEnd+1:]
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		q.IsHTTP10 = true
	default:
		if herr := checkVersion(version); herr != nil {
			if !isTarget && !bytes.ContainsAny(version, "/ ") {
				return NotHTTP
			}
			return herr
		}
	}
	if !isTarget {
		return badRequestLine
	}
	q.Method = exchange.Span{Start: 0, End: uint16(methodEnd)}
	q.Target = exchange.Span{Start: uint16(targetStart), End: uint16(targetEnd)}
	p.parsed, p.hasRequestLine = end+len("\r\n"), true
	return nil
}

// checkVersion returns an error unless a version other than HTTP/1.0 and HTTP/1.1 can
// be served as HTTP/1.1, as HTTP/1.2 and above (RFC 9110, section 2.5).
func checkVersion(version []byte) *exchange.HTTPError {
	const form = "HTTP/1.1"
	isVersion := len(version) == len(form) && string(version[:5]) == form[:5] &&
		isDigit(version[5]) && version[6] == '.' && isDigit(version[7])
	switch {
	case !isVersion:
		return badVersion
	case version[5] != '1':
		return otherVersion
	}
	return nil
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// parseFields parses the header fields whose lines are complete, and reports whether
// the empty line at the end of the head is among them.
func (p *HeadParser) parseFields(received []byte, q *exchange.Request) (isComplete bool, herr *exchange.HTTPError) {
	for {
		rest := received[p.parsed:]
		if len(rest) < len("\r\n") {
			return false, nil
		}
		if rest[0] == '\r' && rest[1] == '\n' {
			p.parsed += len("\r\n")
			return true, nil
		}
		colon := exchange.TokenLength(rest)
		if colon == len(rest) {
			return false, nil
		}
		if colon == 0 || rest[colon] != ':' {
			return false, badName
		}
		value := rest[colon+1:]
		end, herr := lineEnd(value, badValue)
		if end < 0 || herr != nil {
			return false, herr
		}
		value, blanks := trimBlanks(value[:end])
		if herr := q.SetField(rest[:colon], value, p.parsed+colon+1+blanks, &p.counts); herr != nil {
			return false, herr
		}
		p.parsed += colon + 1 + end + len("\r\n")
	}
}

// trimBlanks returns value without the blanks around it, and the number of leading
// blanks.
func trimBlanks(value []byte) (trimmed []byte, leading int) {
	for len(value) > 0 && (value[0] == ' ' || value[0] == '\t') {
		value = value[1:]
		leading++
	}
	for n := len(value); n > 0 && (value[n-1] == ' ' || value[n-1] == '\t'); n-- {
		value = value[:n-1]
	}
	return value, leading
}

// setFraming sets the fields of q that say where the request ends and whether the
// connection can be reused, by the header fields that were counted.
func setFraming(q *exchange.Request, counts *exchange.FieldCounts) *exchange.HTTPError {
	switch {
	case counts.Codings > 0 && counts.Lengths > 0:
		return twoLengths // RFC 9112, section 6.3
	case counts.Codings > 0 && q.IsHTTP10: // ibid., section 6.1
		return exchange.BadCoding
	case counts.HasUnknownCoding: // ibid.
		return exchange.UnknownCoding
	case counts.Codings > 1:
		return exchange.BadCoding
	case counts.Lengths > 1:
		return exchange.BadLength
	case counts.Hosts > 1 || counts.Hosts == 0 && !q.IsHTTP10: // ibid., section 3.2
		return exchange.BadHost
	case counts.Codings == 1:
		q.BodyLength = exchange.Chunked
	}
	if q.IsHTTP10 {
		q.WantsContinue, q.BadExpectation = false, false  // RFC 9110, section 10.1.1
		q.WantsClose = q.WantsClose || !counts.KeepsAlive // RFC 9112, section 9.3
	}
	return nil
}
