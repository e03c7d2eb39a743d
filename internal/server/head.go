package server

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"net/http"
)

// framing is what a request's head says of what follows it.
type framing struct {
	length    int  // of the body in bytes, chunked where it comes in chunks
	isOld     bool // the version is HTTP/1.0, which knows neither chunks nor expectations
	continues bool // the client may wait for 100 Continue (RFC 9110, section 10.1.1)
	unmet     bool // it expects something else, too
}

// chunked is the length of a body that comes in chunks.
const chunked = -1

// malformed is the answer to a request whose bytes are not HTTP as RFC 9112
// has it. What is lenient here and strict in a proxy before us, or the other way
// round, lets a second request hide in the first one.
func malformed(why string) *refusal {
	return refuse(http.StatusBadRequest, "the request is not well-formed HTTP: "+why)
}

var (
	badLine      = malformed("its first line is not a method, a target and a version, each set apart by one space")
	badVersion   = malformed("its version is neither HTTP/1.0 nor HTTP/1.1")
	badLineEnd   = malformed("a line does not end in CR LF")
	badName      = malformed("a header's name holds more than letters, digits and !#$%&'*+-.^_`|~")
	badValue     = malformed("a header's value holds a control character")
	badHost      = malformed("it has no Host header, more than one, or one that is no host")
	badLength    = malformed("its Content-Length is not one number")
	badCoding    = malformed("its Transfer-Encoding is not chunked alone")
	twoLengths   = malformed("it has both a Content-Length and a Transfer-Encoding")
	headTooLong  = refuse(http.StatusRequestHeaderFieldsTooLarge, "the request line and headers are larger than 16 KiB")
	lineTooLong  = refuse(http.StatusRequestURITooLong, "the URL is too long: the request line and headers may take 16 KiB")
	tooSlow      = refuse(http.StatusRequestTimeout, "the request did not arrive in time")
	headTooShort = malformed("it ends before its headers do")
)

const alphanumeric = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// isToken holds the bytes of methods and of header names: RFC 9110, section
// 5.6.2, tchar.
var isToken = tableOf(alphanumeric + "!#$%&'*+-.^_`|~")

// inHost holds the bytes of hosts with a port: RFC 3986, section 3.2.2 and
// 3.2.3.
var inHost = tableOf(alphanumeric + "-._~%!$&'()*+,;=:[]")

func tableOf(text string) (table [256]bool) {
	for _, c := range []byte(text) {
		table[c] = true
	}
	return table
}

// parseHead reads a request's head from the front of received into q and
// returns its length, 0 if it goes on behind that. A line that begins with white
// space, which once went on with the one before it, has no name and is refused
// (RFC 9112, section 5.2).
//
//	POST /count/k HTTP/1.1␍␊
//	Content-Length: 7␍␊
//	␍␊
//
// A target may hold bytes above 0x7F, as curl sends a name in UTF-8 that was
// given to it so.
func parseHead(received []byte, q *request) (length int, no *refusal) {
	q.reset()
	end, no := lineEnd(received, badLine)
	if end < 0 || no != nil {
		return 0, no
	}
	if no := q.parseLine(received[:end]); no != nil {
		return 0, no
	}
	var f framingFields
	rest := received[end+len(crlf):]
	for {
		if len(rest) < len(crlf) {
			return 0, nil
		}
		if rest[0] == '\r' && rest[1] == '\n' {
			rest = rest[len(crlf):]
			break
		}
		n := tokenLength(rest)
		if n == len(rest) {
			return 0, nil
		}
		if n == 0 || rest[n] != ':' {
			return 0, badName
		}
		end, no := lineEnd(rest[n+1:], badValue)
		if end < 0 || no != nil {
			return 0, no
		}
		if no := q.parseField(rest[:n], trimBlanks(rest[n+1:n+1+end]), &f); no != nil {
			return 0, no
		}
		rest = rest[n+1+end+len(crlf):]
	}
	if no := q.frame(&f); no != nil {
		return 0, no
	}
	return len(received) - len(rest), nil
}

// framingFields counts the headers that say where a request ends, and for whom
// it is.
type framingFields struct {
	hosts, lengths, codings int
	keeps                   bool // the client wants its connection kept, which HTTP/1.0 has to ask for
}

// parseField reads a header.
func (q *request) parseField(name, value []byte, f *framingFields) *refusal {
	var field *[]byte
	switch len(name) {
	case len("Host"):
		if isNamed(name, "host") {
			if f.hosts++; !isHost(value) {
				return badHost
			}
		}
	case len("Expect"):
		if isNamed(name, "expect") {
			isKnown := bytes.EqualFold(value, []byte("100-continue"))
			q.continues = q.continues || isKnown
			q.unmet = q.unmet || !isKnown
		} else if isNamed(name, "origin") {
			field = &q.origin
		}
	case len("Connection"):
		if isNamed(name, "connection") {
			q.closes = q.closes || hasOption(value, "close")
			f.keeps = f.keeps || hasOption(value, "keep-alive")
		}
	case len("X-JWT-Token"):
		if isNamed(name, "x-jwt-token") {
			field = &q.jwtToken
		}
	case len("Content-Type"):
		if isNamed(name, "content-type") {
			field = &q.contentType
		}
	case len("Authorization"):
		if isNamed(name, "authorization") {
			field = &q.authorization
		}
	case len("Content-Length"):
		if isNamed(name, "content-length") {
			f.lengths++
			if q.length = parseLength(value); q.length < 0 {
				return badLength
			}
		}
	case len("X-Forwarded-For"):
		if isNamed(name, "x-forwarded-for") {
			q.forwardedFor = append(q.forwardedFor, value)
		}
	case len("Content-Encoding"):
		if isNamed(name, "content-encoding") {
			field = &q.contentEncoding
		}
	case len("Transfer-Encoding"):
		if isNamed(name, "transfer-encoding") {
			f.codings++
			if !bytes.EqualFold(value, []byte("chunked")) {
				return badCoding
			}
		}
	case len("Access-Control-Request-Method"):
		if isNamed(name, "access-control-request-method") {
			field = &q.preflightMethod
		}
	}
	if field != nil && len(*field) == 0 {
		*field = value
	}
	return nil
}

// hasOption tells whether the value of a Connection header has an option (RFC
// 9110, section 7.6.1).
func hasOption(value []byte, option string) bool {
	for one := range bytes.SplitSeq(value, []byte{','}) {
		if bytes.EqualFold(trimBlanks(one), []byte(option)) {
			return true
		}
	}
	return false
}

// frame decides where a request ends whose headers have been read.
func (q *request) frame(f *framingFields) *refusal {
	switch {
	case f.codings > 0 && f.lengths > 0:
		return twoLengths // RFC 9112, section 6.3
	case f.codings > 1 || f.codings == 1 && q.isOld: // ibid., section 6.1
		return badCoding
	case f.lengths > 1:
		return badLength
	case f.hosts > 1 || f.hosts == 0 && !q.isOld: // ibid., section 3.2
		return badHost
	case f.codings == 1:
		q.length = chunked
	}
	if q.isOld {
		q.continues, q.unmet = false, false // RFC 9110, section 10.1.1
		q.closes = q.closes || !f.keeps     // RFC 9112, section 9.3
	}
	return nil
}

// parseLine reads a request's first line.
func (q *request) parseLine(line []byte) *refusal {
	i := tokenLength(line)
	if i == 0 || i == len(line) || line[i] != ' ' || bytes.IndexByte(line, '\t') >= 0 {
		return badLine
	}
	q.method, line = line[:i], line[i+1:]
	if i = bytes.IndexByte(line, ' '); i <= 0 {
		return badLine
	}
	if q.target, line = line[:i], line[i+1:]; !isTarget(q.target) {
		return badLine
	}
	switch string(line) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		q.isOld = true
	default:
		return badVersion
	}
	return nil
}

// isTarget tells whether a request target has one of the forms that RFC 9112,
// section 3.2, gives it, that for CONNECT aside.
func isTarget(target []byte) bool {
	return target[0] == '/' || string(target) == "*" || bytes.Contains(target, []byte("://"))
}

// lineEnd returns where the first line of text ends, -1 if it goes on behind
// text, and bad for one with a control character other than a tab. One that
// ends in LF alone is refused: RFC 9112, section 2.2, allows it, but where
// others take that for a part of a value it would end a header for us only.
func lineEnd(text []byte, bad *refusal) (end int, no *refusal) {
	end = firstControl(text)
	switch {
	case end == len(text) || end == len(text)-1 && text[end] == '\r':
		return -1, nil
	case text[end] == '\n':
		return -1, badLineEnd
	case text[end] != '\r' || text[end+1] != '\n':
		return -1, bad
	}
	return end, nil
}

// tokenLength returns how many bytes of text make a token.
func tokenLength(text []byte) int {
	for i, c := range text {
		if !isToken[c] {
			return i
		}
	}
	return len(text)
}

// isHost tells whether the value of a Host header consists of what hosts and
// ports do (RFC 9110, section 7.2), or bytes above 0x7F as in a target. Something
// else may be another header whose line was not ended.
func isHost(value []byte) bool {
	for _, c := range value {
		if c < 0x80 && !inHost[c] {
			return false
		}
	}
	return true
}

func trimBlanks(value []byte) []byte { return bytes.Trim(value, " \t") }

// isNamed tells whether a header of the length of lower has that name.
func isNamed(name []byte, lower string) bool {
	for i := range lower {
		if name[i]|0x20 != lower[i] {
			return false
		}
	}
	return true
}

// hasControl tells whether text holds a control character other than a tab.
func hasControl(text []byte) bool { return firstControl(text) < len(text) }

// firstControl returns where the first control character other than a tab
// stands in text, len(text) if there is none.
func firstControl(text []byte) int {
	i := 0
	for i+8 <= len(text) {
		// Eight bytes at once: the high bit of a byte is set where it is a
		// control character, and perhaps in those after the first such one.
		const ones = 0x0101010101010101
		v := binary.LittleEndian.Uint64(text[i:])
		below := (v - 0x20*ones) &^ v
		del := v ^ 0x7f*ones
		del = (del - ones) &^ del
		if found := (below | del) & (0x80 * ones); found == 0 {
			i += 8
		} else if i += bits.TrailingZeros64(found) / 8; text[i] != '\t' {
			return i
		} else {
			i++
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' && c != '\t' || c == 0x7f {
			break
		}
	}
	return i
}

// parseLength reads a Content-Length, -1 for what is none.
func parseLength(text []byte) int {
	if len(text) == 0 {
		return -1
	}
	n := 0
	for _, c := range text {
		digit := int(c) - '0'
		if digit < 0 || digit > 9 || n > (math.MaxInt-digit)/10 {
			return -1
		}
		n = 10*n + digit
	}
	return n
}
