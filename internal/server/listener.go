package server

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"
)

// listener hands out connections that know what the server has to remember of
// each, and outlives a lack of file descriptors.
type listener struct {
	net.Listener
	server *Server
	tls    *tls.Config // nil for plain HTTP
}

func newListener(inner net.Listener, server *Server) *listener {
	l := &listener{Listener: inner, server: server}
	if getCertificate := server.options.GetCertificate; getCertificate != nil {
		l.tls = &tls.Config{
			GetCertificate: getCertificate,
			MinVersion:     tls.VersionTLS12,
			NextProtos:     []string{"h2", "http/1.1"},
		}
	}
	return l
}

// acceptConn waits for the next connection that may be served.
func (l *listener) acceptConn() (*conn, error) {
	for {
		raw, err := l.acceptAny()
		if err != nil {
			return nil, err
		}
		peer := addressOf(raw)
		if conns := l.server.options.Conns; conns != nil && !conns.Open(peer) {
			l.turnAway(raw)
			continue
		}
		return l.wrap(raw, peer), nil
	}
}

// wrap returns what serves a connection from peer.
func (l *listener) wrap(raw net.Conn, peer netip.Addr) *conn {
	c := &conn{Conn: raw, raw: raw, peer: peer, server: l.server}
	if l.tls != nil {
		c.Conn = tls.Server(&link{Conn: raw, conn: c}, l.tls)
		c.in.source = c.Conn
		return c
	}
	c.in.source = raw
	c.in.watch(raw)
	return c
}

// acceptAny waits for the next connection. An error other than that of a closed
// listener will pass, so it is logged and the wait goes on.
func (l *listener) acceptAny() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		raw, err := l.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return raw, err
		}
		l.server.log.Error("accept connection", "error", err, "retry_in", pause)
		time.Sleep(pause)
	}
}

// limitInterval is the least time between two entries of the log that a limit
// is at work.
const limitInterval = 10 * time.Second

// tooManyConns is the answer to a connection beyond the limits.
const tooManyConns = "HTTP/1.1 503 Service Unavailable\r\n" +
	"Content-Type: application/json\r\nContent-Length: 32\r\n" +
	"Retry-After: 1\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n" +
	`{"error":"too many connections"}`

// turnAway closes a connection beyond the limits. Its client sees the answer
// unless it is quicker to send a request: nothing waits for that.
func (l *listener) turnAway(raw net.Conn) {
	l.server.full.Do(func() {
		l.server.log.Warn("too many connections, some are closed", "client", raw.RemoteAddr())
	})
	if l.tls == nil && raw.SetWriteDeadline(time.Now().Add(l.server.options.WriteTimeout)) == nil {
		_, _ = io.WriteString(raw, tooManyConns) // the socket is new and has room for it
	}
	_ = raw.Close()
}
