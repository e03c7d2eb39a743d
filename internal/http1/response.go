package http1

import (
	"net/http"
	"strconv"
	"time"

	"statsd-http-proxy/internal/exchange"
)

// Continue is the interim response that asks for a body.
const Continue = "HTTP/1.1 100 Continue\r\n\r\n"

// AppendResponse appends r, the response to q, as HTTP/1.1 writes it. date is the
// value of the Date field. Unless keepAlive is set, the response says that the
// connection closes. idleTimeout is the value of the Keep-Alive field, or empty for
// none; see IdleTimeout.
func AppendResponse(dst []byte, q *exchange.Request, r *exchange.Response, date string, keepAlive bool, idleTimeout string) []byte {
	dst = append(dst, StatusLine(r.Status)...)
	add := func(name, value string) {
		dst = append(dst, name...)
		dst = append(dst, ": "...)
		dst = append(dst, value...)
		dst = append(dst, "\r\n"...)
	}
	add("Date", date)
	r.WriteHeaders(add)
	dst = appendField(dst, "Access-Control-Allow-Origin: ", r.AllowedOrigin)
	dst = appendField(dst, "Access-Control-Allow-Headers: ", r.AllowedHeaders)
	if r.Status != http.StatusNoContent && r.Status != http.StatusNotModified { // RFC 9110, section 8.6
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
		dst = append(dst, "\r\n"...)
	}
	switch {
	case !keepAlive:
		add("Connection", "close")
	case q.IsHTTP10:
		add("Connection", "keep-alive")
	case idleTimeout != "":
		add("Keep-Alive", idleTimeout)
	}
	dst = append(dst, "\r\n"...)
	if q.IsMethod(http.MethodHead) {
		return dst
	}
	return append(dst, r.Body...)
}

// minIdleTimeout is the shortest idle timeout that responses announce. Clients subtract
// a second or two from it, so with a shorter one they would open a connection for each
// request.
const minIdleTimeout = 3 * time.Second

// IdleTimeout returns the value of the Keep-Alive field (RFC 2068, section 19.7.1.1)
// for connections that may be idle for timeout, in whole seconds. It returns the
// empty string for a timeout below three seconds.
func IdleTimeout(timeout time.Duration) string {
	if timeout < minIdleTimeout {
		return ""
	}
	return "timeout=" + strconv.FormatInt(int64(timeout/time.Second), 10)
}

// appendField appends a header field, unless value is empty.
func appendField(dst []byte, name string, value []byte) []byte {
	if len(value) == 0 {
		return dst
	}
	dst = append(dst, name...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// StatusLine returns the first line of a response, with its CR LF.
func StatusLine(status int) string {
	if status == http.StatusOK {
		return "HTTP/1.1 200 OK\r\n"
	}
	return "HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n"
}
