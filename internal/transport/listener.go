package transport

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
	"statsd-http-proxy/internal/http2"
)

// connLimitInterval is the least time between two log lines that connections are
// rejected.
const connLimitInterval = 10 * time.Second

// listener makes a conn of each accepted connection, within the limits. It outlives a
// lack of file descriptors.
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
		raw, err := l.acceptRaw()
		if err != nil {
			return nil, err
		}
		peer := addressOf(raw)
		if conns := l.server.options.Conns; conns != nil && !conns.Open(peer) {
			l.reject(raw)
			continue
		}
		return l.newConn(raw, peer), nil
	}
}

// acceptRaw waits for the next connection. All errors but that of a closed listener
// are temporary: it logs them and retries.
func (l *listener) acceptRaw() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		raw, err := l.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return raw, err
		}
		l.server.log.Error("accept connection", "error", err, "retry_in", pause)
		time.Sleep(pause)
	}
}

// newConn returns a conn for a connection from peer.
func (l *listener) newConn(raw net.Conn, peer netip.Addr) *conn {
	c := &conn{Conn: raw, raw: raw, peer: peer, server: l.server, stats: l.server.stats.requests.Shard()}
	if l.tls != nil {
		c.Conn = tls.Server(http2.NewConn(raw, peer, c.stats), l.tls)
		c.in.source = c.Conn
		return c
	}
	c.in.source = raw
	c.in.useDescriptor(raw)
	return c
}

// reject closes a connection beyond the limits. A client that has not sent a request
// yet sees a 503; reject does not wait for the others to finish theirs.
func (l *listener) reject(raw net.Conn) {
	s := l.server
	s.connLimitLog.Do(func() {
		s.log.Warn("too many connections: new ones are closed", "client", raw.RemoteAddr())
	})
	now := time.Now()
	if l.tls == nil && raw.SetWriteDeadline(now.Add(s.options.WriteTimeout)) == nil {
		var request exchange.Request
		var response exchange.Response
		response.SetError(exchange.Busy("too many connections"))
		text := http1.AppendResponse(nil, &request, &response, s.dates.At(now), false, "")
		_, _ = raw.Write(text) // the socket is new and has room for it
	}
	_ = raw.Close()
}

// addressOf returns the address of the client, the zero address if it has none.
func addressOf(c net.Conn) netip.Addr {
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return addr.AddrPort().Addr()
	}
	return netip.Addr{}
}
