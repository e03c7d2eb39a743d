package server

import (
	"crypto/tls"
	"errors"
	"net"
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
			l.server.log.Error("accept connection", "error", err, "retry_in", pause)
			time.Sleep(pause)
			continue
		case l.tls != nil:
			secure := tls.Server(raw, l.tls)
			c := &tlsConn{conn{Conn: secure, raw: raw, server: l.server}, secure}
			c.in.source = secure
			return c, nil
		default:
			c := &conn{Conn: raw, raw: raw, server: l.server}
			c.in.source = raw
			c.in.watch(raw)
			return c, nil
		}
	}
}
