package http2

import (
	"crypto/tls"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"statsd-http-proxy/internal/deadline"
	"statsd-http-proxy/internal/exchange"
)

// Conn is the connection under a TLS connection that may choose HTTP/2. Until it
// does, a Conn is the connection that it wraps.
//
// While net/http serves it, a Conn sets its deadlines itself and ignores those of
// net/http, which would set them for each frame.
type Conn struct {
	net.Conn
	peer          netip.Addr
	stats         *exchange.StatsShard
	writeTimeout  time.Duration
	writeDeadline deadline.Deadline
	done          chan struct{} // closed when net/http has closed the connection

	state atomic.Int32 // changed under mu

	// mu orders the beginning of streams with the changes of state: after the
	// change to connEnded no stream begins.
	mu      sync.Mutex
	streams sync.WaitGroup // those that are served
	open    int            // number of them; guarded by mu
}

// The states of a Conn.
//
//	connNew ─ServeConn─▶ connWaiting ─first request─▶ connActive ─▶ connEnded
const (
	connNew     int32 = iota // in its handshake, or it speaks HTTP/1
	connWaiting              // net/http serves it; no request has begun, the read deadline is the caller's
	connActive               // a request has begun; streams have their own timeouts
	connEnded                // no further stream begins
)

// NewConn returns a Conn on raw, which comes from peer. It counts its requests in stats.
func NewConn(raw net.Conn, peer netip.Addr, stats *exchange.StatsShard) *Conn {
	return &Conn{Conn: raw, peer: peer, stats: stats}
}

// connOf returns the Conn under a TLS connection.
func connOf(secure net.Conn) *Conn { return secure.(*tls.Conn).NetConn().(*Conn) }

// connKey is the key of a stream's Conn in its context.
type connKey struct{}

// ServeConn serves a TLS connection on a Conn. The read deadline of the Conn limits the
// time to the first request. ServeConn returns when the
// connection is closed and all its requests are answered, or at once after Close.
func (s *Server) ServeConn(secure *tls.Conn) {
	c := connOf(secure)
	c.writeTimeout = s.options.WriteTimeout
	c.done = make(chan struct{})
	c.state.Store(connWaiting)
	select {
	case s.accepted.conns <- secure:
		<-c.done
	case <-s.accepted.closed:
	}
	c.mu.Lock()
	c.state.Store(connEnded)
	c.mu.Unlock()
	c.streams.Wait()
}

// beginStream counts a stream and reports whether it may be served. If so, the caller
// has to call endStream.
func (c *Conn) beginStream() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch c.state.Load() {
	case connEnded:
		return false // net/http may start a stream after it has closed the connection
	case connWaiting:
		_ = c.Conn.SetReadDeadline(time.Time{}) // an error shows when net/http reads
		c.state.Store(connActive)
	}
	c.streams.Add(1)
	if c.open++; c.open == 1 {
		c.stats.AddActive(1)
	}
	return true
}

// endStream ends a stream that beginStream has counted.
func (c *Conn) endStream() {
	c.mu.Lock()
	if c.open--; c.open == 0 {
		c.stats.AddActive(-1)
	}
	c.mu.Unlock()
	c.streams.Done()
}

func (c *Conn) Write(text []byte) (int, error) {
	if c.state.Load() != connNew {
		// Let other streams finish their responses: they then leave in the next
		// write together. A write costs as much as everything else in a response.
		runtime.Gosched()
		if err := c.writeDeadline.Extend(time.Now(), c.writeTimeout, c.Conn.SetWriteDeadline); err != nil {
			return 0, err
		}
	}
	return c.Conn.Write(text)
}

// SetDeadline does nothing once net/http serves c.
func (c *Conn) SetDeadline(t time.Time) error { return c.setDeadline(t, c.Conn.SetDeadline) }

// SetReadDeadline does nothing once net/http serves c.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.setDeadline(t, c.Conn.SetReadDeadline) }

// SetWriteDeadline does nothing once net/http serves c.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.setDeadline(t, c.Conn.SetWriteDeadline) }

func (c *Conn) setDeadline(t time.Time, set func(time.Time) error) error {
	if c.state.Load() != connNew {
		return nil
	}
	return set(t)
}
