package transport

import (
	"context"
	"maps"
	"net"
	"slices"
	"time"
)

// idleGrace is how long a connection may be idle during the shutdown. A request that
// arrives meanwhile is served, and its response tells the client that the connection
// closes. If the connection were closed at once, the client could not tell whether a
// request that it has just sent was served.
const idleGrace = 500 * time.Millisecond

// handshakeTime is how long the listener accepts connections after it has stopped
// new ones. The TCP handshakes that have begun finish in this time, unless the client
// is far away. If the listener were closed at once, the kernel would reset their
// connections after the clients have sent requests.
const handshakeTime = 20 * time.Millisecond

// Shutdown ends s:
//
//  1. The listener is closed, after it has accepted the connections that the kernel
//     has established. Requests are still served, but all responses say that the
//     connection closes. HTTP/2 clients get GOAWAY at once, which asks them to open no
//     more streams.
//  2. Connections that are idle for idleGrace, or for half of the time until ctx's
//     deadline if that is less, are closed. Over HTTP/2, connections with open streams
//     take no further ones then, and end with the last.
//  3. When no connection is left, Shutdown returns nil.
//
// If ctx ends earlier, all connections are closed, and Shutdown returns the error of
// ctx. In any case no request is served any more when it returns.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.rejected.Flush()
	grace := idleGrace
	if deadline, ok := ctx.Deadline(); ok {
		grace = min(grace, time.Until(deadline)/2)
	}
	s.idleGrace.Store(int64(grace))
	s.draining.Store(true)
	s.stop()
	s.http2.Shutdown()
	idleTimer := time.AfterFunc(grace, s.closeIdle)
	defer idleTimer.Stop()
	cancelClose := context.AfterFunc(ctx, s.closeAll)
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	if l != nil {
		l.closeGracefully(ctx, grace)
	}
	s.serving.Wait()
	if !cancelClose() {
		return ctx.Err()
	}
	return nil
}

// closeIdle closes the idle connections. Those that speak HTTP/2 end themselves.
func (s *Server) closeIdle() {
	s.mu.Lock()
	open := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range open {
		c.closeIdle()
	}
}

// closeAll closes all connections, active ones too, and those that are accepted later.
func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isClosed = true
	for c := range s.conns {
		_ = c.raw.Close()
	}
}

// closeGracefully closes l, after it has accepted the connections that were established
// before. It does not wait longer than limit.
func (l *listener) closeGracefully(ctx context.Context, limit time.Duration) {
	defer func() { _ = l.Close() }() // an error means that it is closed
	tcp, ok := l.Listener.(*net.TCPListener)
	if !ok {
		return
	}
	rejectHandshakes(tcp)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for pause := handshakeTime; ; pause = time.Millisecond {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		if !hasConnections(tcp) {
			return
		}
	}
}
