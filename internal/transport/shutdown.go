package transport

import (
	"context"
	"maps"
	"slices"
	"time"
)

// idleGrace is how long idle connections stay open after the shutdown has begun. A
// client that sends a request meanwhile gets a 503, so that it may retry safely; a
// broken connection would not tell it whether the request was served.
const idleGrace = 500 * time.Millisecond

// Shutdown ends s:
//
//  1. The listener is closed. Requests that begin from now on get a 503, and all
//     responses say that the connection closes.
//  2. After idleGrace, or half of the time until ctx's deadline if that is less, idle
//     connections are closed. HTTP/2 clients are asked to open no more streams.
//  3. When no connection is left, Shutdown returns nil.
//
// If ctx ends earlier, all connections are closed, and Shutdown returns the error of
// ctx. In any case no request is served any more when it returns.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.rejected.Flush()
	s.draining.Store(true)
	s.stop()
	s.mu.Lock()
	if s.listener != nil {
		_ = s.listener.Close() // an error means that it is closed
	}
	s.mu.Unlock()
	grace := idleGrace
	if deadline, ok := ctx.Deadline(); ok {
		grace = min(grace, time.Until(deadline)/2)
	}
	idleTimer := time.AfterFunc(grace, s.closeIdle)
	defer idleTimer.Stop()
	cancelClose := context.AfterFunc(ctx, s.closeAll)
	s.serving.Wait()
	s.http2.Close()
	if !cancelClose() {
		return ctx.Err()
	}
	return nil
}

// closeIdle closes the idle connections and shuts down those that speak HTTP/2.
func (s *Server) closeIdle() {
	s.http2.Shutdown()
	s.mu.Lock()
	open := slices.Collect(maps.Keys(s.conns))
	s.mu.Unlock()
	for _, c := range open {
		c.closeIdle()
	}
}

// closeAll closes all connections, active ones too.
func (s *Server) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.raw.Close()
	}
}
