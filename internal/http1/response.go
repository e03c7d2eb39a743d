package http1

import (
	"net/http"
	"strconv"

	"statsd-http-proxy/internal/exchange"
)

// Continue is the interim response that asks for a body.
const Continue = "HTTP/1.1 100 Continue\r\n\r\n"

// AppendResponse appends r, the response to q, as HTTP/1.1 writes it. date is the
// value of the Date field. Unless keepAlive is set, the response says that the
// connection closes.
func AppendResponse(dst []byte, q *exchange.Request, r *exchange.Response, date string, keepAlive bool) []byte {
	dst = append(dst, StatusLine(r.Status)...)
	add := func(name, value string) {
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, value...)
		dst = append(dst, "\r\n"...)
	}
	add("Date", date)
	r.WriteHeaders(add)
	if len(r.AllowedOrigin) > 0 {
		dst = append(dst, "Access-Control-Allow-Origin: "...)
		dst = append(dst, r.AllowedOrigin...)
		dst = append(dst, "\r\n"...)
	}
	if r.Status != http.StatusNoContent { // RFC 9110, section 8.6
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	switch {
	case !keepAlive:
		add("Connection", "close")
	case q.IsHTTP10:
		add("Connection", "keep-alive")
	}
	dst = append(dst, "\r\n"...)
	if q.IsMethod(http.MethodHead) {
		return dst
	}
	return append(dst, r.Body...)
}

// StatusLine returns the first line of a response, with its CR LF.
func StatusLine(status int) string {
	if status == http.StatusOK {
		return "HTTP/1.1 200 OK\r\n"
	}
	return "HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n"
}
