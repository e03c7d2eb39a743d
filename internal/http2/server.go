// Package http2 serves HTTP/2 (RFC 9113) over TLS, and without TLS to clients that start
// with its connection preface. It passes requests to an exchange.Handler. Frame headers,
// control frames and HPACK are those of golang.org/x/net/http2.
//
//	transport ─ServeConn─▶ conn.readFrame ─▶ head ─▶ Begin ─▶ body ─▶ Serve
//	                       output ◀───────── respond ◀──────────────────┘
//
// Each connection has one goroutine, which reads frames, calls the handler and queues
// responses. It writes the queue when it has handled all frames that have arrived. A
// stream has no goroutine: neither step of the handler waits for the client. Only a page,
// see exchange.Response.Page, runs in a goroutine of its own.
package http2

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/exchange"
)

// Preface is what each client sends first (RFC 9113, section 3.4).
const Preface = http2.ClientPreface

// Options are the settings of a Server. All are required.
type Options struct {
	ReadTimeout  time.Duration // for a request with its body
	WriteTimeout time.Duration // for a response, and for each write of a page
	IdleTimeout  time.Duration // between the requests of a connection

	Handler   exchange.Handler
	Bodies    *exchange.BodyBudget
	Dates     *exchange.Dates
	Draining  *atomic.Bool    // set when the shutdown begins
	IdleGrace *atomic.Int64   // time for further requests during the shutdown, as a time.Duration
	Stopping  context.Context // ends when the shutdown begins
	LogPanic  func(fault any) // is called where a panic was recovered
}

// Server serves connections that speak HTTP/2.
type Server struct {
	options  Options
	settings []byte       // the first frames of each connection
	heads    atomic.Int64 // bytes, see maxHeads

	mu    sync.Mutex
	conns map[*conn]struct{} // the open connections
}

// New returns a Server.
func New(options Options) *Server {
	return &Server{options: options, settings: firstFrames(), conns: make(map[*conn]struct{})}
}

// Input buffers what a connection receives. It has room for exchange.MaxHead bytes.
type Input interface {
	// Bytes returns the bytes that were received and not skipped. They are valid until
	// the next call of Fill.
	Bytes() []byte

	// Skip drops the first n of these bytes.
	Skip(n int)

	// Fill waits for more bytes, at least one. It can be called again after the read
	// deadline of the connection has passed.
	Fill() error
}

// Client is a connection of a client.
type Client struct {
	net.Conn       // for responses and deadlines
	Input    Input // for frames
	Peer     netip.Addr
	Remote   net.Addr // with the port of Peer
	Stats    *exchange.StatsShard
	Timeout  time.Duration // for the first request to begin
}

// ServeConn serves a connection until it ends. The caller has to close it. lingers reports
// whether the client may still be sending, so that closing at once could cost it the last
// frames.
func (s *Server) ServeConn(client *Client) (lingers bool) {
	c := newConn(s, client)
	s.mu.Lock()
	s.conns[c] = struct{}{}
	s.mu.Unlock()
	defer s.forget(c)
	return c.serve()
}

// forget removes a connection that has ended.
func (s *Server) forget(c *conn) {
	s.mu.Lock()
	delete(s.conns, c)
	s.mu.Unlock()
}
