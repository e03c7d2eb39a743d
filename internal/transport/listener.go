package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/http1"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/logsum"
)

// acceptLogInterval is the least time between two log lines that connections could not
// be accepted.
const acceptLogInterval = 10 * time.Second

// Listen returns a TCP listener for Serve. It does not use Multipath TCP, because the
// kernel filters no packets of such a socket, see rejectHandshakes.
func Listen(address string) (net.Listener, error) {
	var config net.ListenConfig
	config.SetMultipathTCP(false)
	return config.Listen(context.Background(), "tcp", address)
}

// listener makes a conn of each accepted connection, within the limits. It outlives a
// lack of file descriptors.
type listener struct {
	net.Listener
	server *Server

	failures int       // of Accept since the last log line about them
	failedAt time.Time // time of this line
}

func newListener(inner net.Listener, server *Server) *listener {
	return &listener{Listener: inner, server: server}
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
			option := "--max-conns-per-ip"
			if conns.IsFull() {
				option = "--max-conns"
			}
			l.server.reject(raw, peer, option)
			_ = raw.Close()
			continue
		}
		return l.newConn(raw, peer), nil
	}
}

// acceptRaw waits for the next connection. All errors but that of a closed listener
// are temporary: it retries after a pause.
func (l *listener) acceptRaw() (net.Conn, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		raw, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			l.logFailures(nil)
			return nil, err
		case err == nil:
			if time.Since(l.failedAt) >= acceptLogInterval {
				l.logFailures(nil)
			}
			return raw, nil
		}
		l.failures++
		if time.Since(l.failedAt) >= acceptLogInterval {
			l.logFailures(err)
		}
		time.Sleep(pause)
	}
}

// logFailures logs the failures of Accept since its last call, unless there were none.
func (l *listener) logFailures(latest error) {
	if l.failures == 0 {
		return
	}
	attrs := []any{"count", l.failures}
	if latest != nil {
		attrs = append(attrs, "error", latest)
	}
	l.server.log.Error("connections could not be accepted", attrs...)
	l.failures, l.failedAt = 0, time.Now()
}

// newConn returns a conn for a connection from peer.
func (l *listener) newConn(raw net.Conn, peer netip.Addr) *conn {
	c := &conn{Conn: raw, raw: raw, peer: peer, remote: raw.RemoteAddr(), server: l.server, stats: l.server.stats.requests.Shard()}
	if l.server.tls == nil {
		c.in.source = raw
		c.in.useDescriptor(raw, c.serveArrived)
	}
	return c
}

// reject answers a connection from peer that is beyond the limit of an option. The caller
// closes it.
// A client that has not sent a request yet sees a 503; reject does not wait for the
// others to finish theirs.
func (s *Server) reject(raw net.Conn, peer netip.Addr, option string) {
	s.logRejected(peer, option)
	now := time.Now()
	if s.tls == nil && raw.SetWriteDeadline(now.Add(s.options.WriteTimeout)) == nil {
		var request exchange.Request
		var response exchange.Response
		response.SetError(exchange.Busy("too many connections"))
		text := http1.AppendResponse(nil, &request, &response, s.dates.At(now), false, "")
		_, _ = raw.Write(text) // the socket is new and has room for it
	}
}

// logRejected logs that a connection from peer is beyond the limit of an option.
func (s *Server) logRejected(peer netip.Addr, option string) {
	kind := logsum.Kind{Level: slog.LevelWarn, Message: "connections rejected", Reason: "too many connections", Option: option}
	s.rejected.Add(kind, 1, uint64(limit.AddressClient(peer)), func() []slog.Attr {
		return []slog.Attr{slog.Any("client", peer)}
	})
}

// addressOf returns the address of the client, the zero address if it has none. A listener
// for IPv4 and IPv6 has IPv4 clients with mapped addresses, such as ::ffff:192.0.2.7.
func addressOf(c net.Conn) netip.Addr {
	if addr, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return addr.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
