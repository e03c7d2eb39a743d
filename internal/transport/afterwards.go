package transport

import (
	"net/http"

	"statsd-http-proxy/internal/exchange"
)

// fate is what becomes of a connection after a request.
type fate uint8

const (
	fateKeepAlive fate = iota // it waits for the next request
	fateDrain                 // the rest of the body is read, then afterwards decides again
	fateLinger                // it closes gracefully, because the client may still be sending
	fateClose                 // it closes
)

// smallBody is the size in bytes up to which a body is drained although its request is
// answered, so that the connection can be used again.
const smallBody = exchange.MaxHead

// afterwards decides what becomes of a connection after a request that is answered
// with status.
//
//	body    request                                      fate
//	read    wants to close, or the server is draining    fateClose
//	read    any other                                    fateKeepAlive
//	unread  its body is small and on its way             fateDrain
//	any     answered with 408: it has had its time       fateClose
//	any     any other                                    fateLinger
func afterwards(q *exchange.Request, status int, body bodyState, isDraining bool) fate {
	switch {
	case body == bodyRead && (q.WantsClose || isDraining):
		return fateClose
	case body == bodyRead:
		return fateKeepAlive
	case body == bodyUnread && isDrainable(q):
		return fateDrain
	case status == http.StatusRequestTimeout:
		return fateClose
	default:
		return fateLinger
	}
}

// isDrainable reports whether the body of a request is small and on its way: its length is
// declared, and the client does not wait for 100 Continue.
func isDrainable(q *exchange.Request) bool {
	return q.BodyLength != exchange.Chunked && q.BodyLength <= smallBody && !q.WantsContinue && !q.BadExpectation
}

// afterwards decides for the current request.
func (c *conn) afterwards() fate {
	return afterwards(&c.x.Request, c.x.Response.Status, c.body.state, c.server.draining.Load())
}
