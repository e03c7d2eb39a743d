// Package exchange holds the types that the transport, both versions of HTTP and
// the handler share: a request with its response.
//
// The transport pushes a request to the handler in two steps. Neither step waits
// for the client.
//
//	transport                               handler
//	read the head into Request      ─▶      Begin: route, token, limits
//	read the body into Body         ◀─      … wants a body of at most MaxBody bytes
//	                                ─▶      Serve: decode, encode, send
//	write Response                  ◀─
package exchange

import (
	"net/netip"
	"sync"
)

// Handler answers requests. The transport calls Begin for each request, then
// Serve if Begin asks for it. Both may be called from several goroutines at once,
// each with an Exchange of its own.
type Handler interface {
	// Begin decides on a request by its head. It either sets x.Response and
	// returns false, or sets x.MaxBody and returns true. If x.HeadErr is set, it
	// answers with that error and returns false.
	Begin(x *Exchange) (wantsBody bool)

	// Serve sets x.Response according to x.Body. The transport calls it once after
	// each Begin that returned true. If the transport could not read the body,
	// x.BodyErr is set, and Serve answers with that error.
	Serve(x *Exchange)
}

// Exchange is one request with its response, and the memory for both. The slices
// in it are valid until the response is written, unless a field says otherwise.
//
// A slow client can occupy an Exchange for a long time, so an Exchange must stay small. A handler acquires large memory in Serve and releases it there.
type Exchange struct {
	Request  Request
	Response Response

	// HeadErr says why the head was rejected. Request then holds no more than
	// the address of the client, and the method if that is HEAD. With UnknownCoding
	// it holds the whole head. HeadErr is nil for a good head.
	HeadErr *HTTPError

	// Route is what the request counts as. The handler sets it in Begin.
	Route Route

	// MaxBody is the size in bytes of the largest body that the handler takes.
	MaxBody int

	// Body is the whole body, without the transfer coding. It is valid until
	// Serve returns.
	Body    []byte
	BodyErr *HTTPError // why the body could not be read; Body is nil then

	// BodyReceived is the number of bytes of the body that have arrived. It is valid
	// even if BodyErr is set.
	BodyReceived int

	// Local belongs to the handler: Begin stores in it what Serve needs. It stays
	// when the Exchange is reused, so that a handler allocates it once.
	Local any

	// HeadBuffer and Output belong to the transport. HeadBuffer holds a copy of the
	// head if the buffer that received it is needed for the body; Output holds the
	// response as it is sent.
	HeadBuffer, Output []byte
}

// maxKeptBuffer is the maximum size in bytes of a buffer that an Exchange keeps for the
// next request, whose client may be slow.
const maxKeptBuffer = 8 << 10

var pool = sync.Pool{New: func() any { return new(Exchange) }}

// Acquire returns an Exchange for a request from the client at peer.
func Acquire(peer netip.Addr) *Exchange {
	x := pool.Get().(*Exchange)
	x.Request.Reset(peer)
	x.Response.reset()
	x.HeadErr, x.BodyErr, x.Body, x.MaxBody, x.BodyReceived, x.Route = nil, nil, nil, 0, 0, RouteOther
	return x
}

// Release gives x back for another request.
func (x *Exchange) Release() {
	x.Request.Head, x.Body = nil, nil
	for _, buffer := range []*[]byte{&x.HeadBuffer, &x.Output, &x.Response.Body} {
		if cap(*buffer) > maxKeptBuffer {
			*buffer = nil
		}
	}
	pool.Put(x)
}
