package server

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// response is the answer to a request, whatever version of HTTP takes it back.
// Each has the header X-Content-Type-Options and a date besides.
type response struct {
	status      int
	contentType string // empty for none
	body        []byte // in memory that belongs to the response

	byOrigin bool   // it depends on the origin of the request
	origin   []byte // of the page that may read it, empty for none
	methods  string // of the route, for a preflight; empty for another request

	header, value string // one more header, none where header is empty

	isPage bool // Options.Pages answers instead
}

func (r *response) reset() {
	*r = response{status: http.StatusOK, body: r.body[:0]}
}

// What a preflight is told, see https://fetch.spec.whatwg.org/#http-cors-protocol.
const (
	corsHeaders = "X-JWT-Token, Authorization, Content-Type, Content-Encoding, X-Requested-With"
	corsMaxAge  = "86400" // seconds; browsers cap it at two hours and more
)

// each calls add with each header but Date, Content-Length and those of the
// connection.
//
// Credentials are allowed since navigator.sendBeacon always asks with them; the
// proxy reads no cookie, so they give a page nothing that it did not have.
func (r *response) each(add func(name, value string)) {
	add("X-Content-Type-Options", "nosniff")
	if r.contentType != "" {
		add("Content-Type", r.contentType)
	}
	if r.byOrigin {
		add("Vary", "Origin")
	}
	if len(r.origin) > 0 {
		add("Access-Control-Allow-Credentials", "true")
		add("Access-Control-Expose-Headers", "Retry-After")
	}
	if r.methods != "" {
		add("Access-Control-Allow-Methods", r.methods)
		add("Access-Control-Allow-Headers", corsHeaders)
		add("Access-Control-Max-Age", corsMaxAge)
	}
	if r.header != "" {
		add(r.header, r.value)
	}
}

// appendResponse appends r as HTTP/1 has it. Where the connection does not go
// on, it says so.
func appendResponse(dst []byte, q *request, r *response, date string, goesOn bool) []byte {
	dst = append(dst, statusLine(r.status)...)
	add := func(name, value string) {
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, value...)
		dst = append(dst, "\r\n"...)
	}
	add("Date", date)
	r.each(add)
	if len(r.origin) > 0 {
		dst = append(dst, "Access-Control-Allow-Origin: "...)
		dst = append(dst, r.origin...)
		dst = append(dst, "\r\n"...)
	}
	if r.status != http.StatusNoContent { // RFC 9110, section 8.6
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.body)), 10)
		dst = append(dst, "\r\n"...)
	}
	switch {
	case !goesOn:
		add("Connection", "close")
	case q.isOld:
		add("Connection", "keep-alive")
	}
	dst = append(dst, "\r\n"...)
	if q.isMethod(http.MethodHead) {
		return dst
	}
	return append(dst, r.body...)
}

// statusLine is the first line of a response.
func statusLine(status int) string {
	if status == http.StatusOK {
		return "HTTP/1.1 200 OK\r\n"
	}
	return "HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n"
}

// dates gives the time as HTTP writes it, and makes a text of it once a second.
type dates struct {
	last atomic.Pointer[date]
}

type date struct {
	second int64
	text   string
}

// at returns the text of now.
func (d *dates) at(now time.Time) string {
	last := d.last.Load()
	if second := now.Unix(); last == nil || last.second != second {
		last = &date{second, now.UTC().Format(http.TimeFormat)}
		d.last.Store(last)
	}
	return last.text
}
