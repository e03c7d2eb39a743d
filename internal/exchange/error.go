package exchange

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// HTTPError is an error response; a nil *HTTPError means success. It does not implement
// error, because a variable of type error with a nil *HTTPError would not be nil.
type HTTPError struct {
	Status        int
	Message       string // one sentence that repeats at most 64 bytes of input
	Header, Value string // one more header field; none if Header is empty

	// Delay is the time for which the transport holds the response back, unless the
	// server stops. It slows down clients that send on although they are rejected.
	Delay time.Duration
}

// Delay waits for a time, or until ctx ends.
func Delay(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
}

// NewError returns an HTTPError without an additional header field.
func NewError(status int, message string) *HTTPError {
	return &HTTPError{Status: status, Message: message}
}

// Busy returns a 503 that asks the client to retry after a second.
func Busy(message string) *HTTPError {
	return &HTTPError{Status: http.StatusServiceUnavailable, Message: message, Header: "Retry-After", Value: "1"}
}

// Limited returns a 429 that asks the client to retry after wait, which the header
// field gives in whole seconds (RFC 9110, section 10.2.3).
func Limited(message string, wait time.Duration) *HTTPError {
	seconds := int64((wait + time.Second - 1) / time.Second)
	return &HTTPError{Status: http.StatusTooManyRequests, Message: message, Header: "Retry-After", Value: strconv.FormatInt(seconds, 10)}
}

// BodyTooLarge returns a 413 for a body of more than limit bytes.
func BodyTooLarge(limit int) *HTTPError {
	return NewError(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d bytes", limit))
}

// Malformed returns a 400 for a request that breaks the grammar of RFC 9112. Both
// versions are strict: if the proxy accepts what a proxy in front of it rejects, or
// the other way round, a second request can hide in the first one.
func Malformed(why string) *HTTPError {
	return NewError(http.StatusBadRequest, "the request is not well-formed HTTP: "+why)
}

// Errors that both versions of HTTP report.
var (
	BadHost       = Malformed("it has no Host header, more than one, or one that is no host")
	BadLength     = Malformed("its Content-Length is not one number")
	BadCoding     = Malformed("its Transfer-Encoding is not chunked alone")
	UnknownCoding = NewError(http.StatusNotImplemented, "the request has a Transfer-Encoding other than chunked")
	BodyTooShort  = Malformed("it ends before its body does")
	HeadTooLong   = NewError(http.StatusRequestHeaderFieldsTooLarge, "the request line and headers are larger than 16 KiB")
	TargetTooLong = NewError(http.StatusRequestURITooLong, "the URL is too long: the request line and headers may take 16 KiB")
	TooSlow       = NewError(http.StatusRequestTimeout, "the request did not arrive in time")
	InternalError = NewError(http.StatusInternalServerError, "internal error")
)
