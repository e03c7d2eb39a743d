package transport

import (
	"crypto/tls"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/limit"
)

// stats are the counters of a Server.
type stats struct {
	requests *exchange.Stats
	accepted atomic.Uint64 // connections
	open     atomic.Int64  // connections
	panics   atomic.Uint64

	// TLS handshakes.
	full, resumed, failed, timedOut atomic.Uint64
	waiting                         atomic.Int64
}

// elapsed returns the time since New was called. It takes half the time of time.Now,
// which also reads the wall clock.
func (s *Server) elapsed() time.Duration { return time.Since(s.started) }

// dateAt returns the value of the Date field at a time, see elapsed. It reads the wall
// clock once a second.
func (s *Server) dateAt(elapsed time.Duration) string {
	last := s.date.Load()
	if last == nil || elapsed >= last.until {
		now := time.Now()
		last = &date{s.dates.At(now), elapsed + time.Second - time.Duration(now.Nanosecond())}
		s.date.Store(last)
	}
	return last.text
}

// date is a value of the Date field.
type date struct {
	text  string
	until time.Duration // when it ends to be valid, see Server.elapsed
}

// countHandshake counts a TLS handshake that ended with err.
func (s *stats) countHandshake(secure *tls.Conn, err error) {
	switch {
	case errors.Is(err, errNotBegun):
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.timedOut.Add(1)
	case err != nil:
		s.failed.Add(1)
	case secure.ConnectionState().DidResume:
		s.resumed.Add(1)
	default:
		s.full.Add(1)
	}
}

// Stats are counters of a Server since its start, and its state.
type Stats struct {
	Requests *exchange.StatsSnapshot

	ConnsActive   int64 // with a request that is not answered
	ConnsIdle     int64 // the other open ones
	ConnsAccepted uint64
	ConnsRejected limit.ConnsRejected

	HandshakesFull     uint64
	HandshakesResumed  uint64
	HandshakesFailed   uint64
	HandshakesTimedOut uint64
	HandshakesWaiting  int64 // not ended

	Panics uint64
}

// Stats returns the counters and the state of s.
func (s *Server) Stats() Stats {
	requests := s.stats.requests.Snapshot()
	stats := Stats{
		Requests:           requests,
		ConnsActive:        requests.Active,
		ConnsIdle:          max(0, s.stats.open.Load()-requests.Active),
		ConnsAccepted:      s.stats.accepted.Load(),
		HandshakesFull:     s.stats.full.Load(),
		HandshakesResumed:  s.stats.resumed.Load(),
		HandshakesFailed:   s.stats.failed.Load(),
		HandshakesTimedOut: s.stats.timedOut.Load(),
		HandshakesWaiting:  s.stats.waiting.Load(),
		Panics:             s.stats.panics.Load(),
	}
	if s.options.Conns != nil {
		stats.ConnsRejected = s.options.Conns.Rejected()
	}
	return stats
}
