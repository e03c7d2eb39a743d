package server

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// lingerTime is how long a connection that is closed with a request unread
// goes on reading it, so that the client gets to see the answer. (Closing at
// once would reset the connection and could take the answer back, see RFC
// 9112, section 9.6.)
const lingerTime = time.Second

// listener hands out connections that know what the server has to remember of
// each, and outlives a lack of file descriptors.
type listener struct {
	net.Listener
	tls *tls.Config // nil for plain HTTP
	log *slog.Logger
}

func newListener(inner net.Listener, getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), log *slog.Logger) *listener {
	l := &listener{Listener: inner, log: log}
	if getCertificate != nil {
		l.tls = &tls.Config{
			GetCertificate: getCertificate,
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"http/1.1"},
		}
	}
	return l
}

// Accept waits for the next connection. An error other than that of a closed
// listener will pass, so it is logged and the wait goes on.
func (l *listener) Accept() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		raw, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			l.log.Error("accept connection", "error", err, "retry_in", pause)
			time.Sleep(pause)
			continue
		case l.tls != nil:
			secure := tls.Server(raw, l.tls)
			return &tlsConn{conn{Conn: secure, raw: raw}, secure}, nil
		default:
			return &conn{Conn: raw, raw: raw}, nil
		}
	}
}

// conn is a connection with what the server remembers of it. Only linger may
// be used outside of the goroutine that serves the connection.
type conn struct {
	net.Conn          // what requests are read from
	raw      net.Conn // the same, or what lies under its TLS

	readAny  bool        // anything was ever read
	readLine bool        // a line feed was read since the last request ended
	late     bool        // the current request began while the server was draining
	linger   atomic.Bool // closed with a request unread
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.readAny = c.readAny || n > 0
	c.readLine = c.readLine || bytes.IndexByte(p[:n], '\n') >= 0
	return n, err
}

func (c *conn) Close() error {
	if c.linger.Swap(false) {
		c.drain()
	}
	return c.Conn.Close()
}

// drain tells the client that the answer is complete and reads what it is
// still sending, until it ends or lingerTime is over.
func (c *conn) drain() {
	if secure, ok := c.Conn.(*tls.Conn); ok {
		_ = secure.CloseWrite()
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if c.raw.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.Copy(io.Discard, c.raw)
	}
}

// tlsConn is a conn that fasthttp recognises as TLS by its methods.
type tlsConn struct {
	conn
	secure *tls.Conn
}

func (c *tlsConn) Handshake() error                     { return c.secure.Handshake() }
func (c *tlsConn) ConnectionState() tls.ConnectionState { return c.secure.ConnectionState() }

// connOf returns the conn of a connection that a listener accepted, nil for
// another one.
func connOf(c net.Conn) *conn {
	switch c := c.(type) {
	case *conn:
		return c
	case *tlsConn:
		return &c.conn
	}
	return nil
}

// connState is called by the goroutine that serves a connection when a request
// begins, with its first byte, and when it ends.
func (s *Server) connState(c net.Conn, state fasthttp.ConnState) {
	switch state {
	case fasthttp.StateActive:
		connOf(c).late = s.draining.Load()
	case fasthttp.StateIdle:
		connOf(c).readLine = false
	}
}
