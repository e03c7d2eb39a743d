package transport

import (
	"net/http"

	"statsd-http-proxy/internal/exchange"
)

// fate is what becomes of a connection after a request.
type fate uint8

const (
	keepAliveNext fate = iota // it waits for the next request
	drain                     // the rest of the body is read first, then afterwards decides again
	linger                    // it closes gracefully, because the client may still be sending
	closeNow                  // it closes
)

// smallBody is the size in bytes up to which a body is drained although its request is
// answered, so that the connection can be used again.
const smallBody = exchange.MaxHead

// afterwards decides what becomes of a connection after a request that is answered
// with status.
//
//	body    request                                          fate
//	read    wants to close, or the server is draining        closeNow
//	read    any other                                        keepAliveNext
//	unread  a declared length of at most smallBody, and      drain
//	        the client does not wait for 100 Continue
//	unread  any other                                        linger
//	broken  answered with 408: it has had its time           closeNow
//	broken  any other                                        linger
func afterwards(q *exchange.Request, status int, body bodyState, isDraining bool) fate {
	switch {
	case body == bodyRead && (q.WantsClose || isDraining):
		return closeNow
	case body == bodyRead:
		return keepAliveNext
	case body == bodyUnread && isDrainable(q):
		return drain
	case status == http.StatusRequestTimeout:
		return closeNow
	default:
		return linger
	}
}

// isDrainable reports whether the body of a request is small and on its way.
func isDrainable(q *exchange.Request) bool {
	return q.BodyLength != exchange.Chunked && q.BodyLength <= smallBody && !q.WantsContinue && !q.BadExpectation
}

// afterwards decides for the current request.
func (c *conn) afterwards() fate {
	return afterwards(&c.x.Request, c.x.Response.Status, c.body.state, c.server.draining.Load())
}
