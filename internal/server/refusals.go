package server

import (
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Refused requests and rejected entries are logged so often and no more, so
// that a flood of them does not become one of log lines.
const (
	refusalsPerSecond = 10
	refusalsAtOnce    = 50
)

// refusalLimit lets so many refusals into a log and counts the others.
type refusalLimit struct {
	log     *slog.Logger
	limiter *rate.Limiter
	leftOut atomic.Int64
}

func newRefusalLimit(log *slog.Logger) *refusalLimit {
	return &refusalLimit{log: log, limiter: rate.NewLimiter(refusalsPerSecond, refusalsAtOnce)}
}

// allow tells whether another refusal may be logged. If so, and if some were
// left out since the last one, that is logged.
func (l *refusalLimit) allow() bool {
	if !l.limiter.Allow() {
		l.leftOut.Add(1)
		return false
	}
	l.flush()
	return true
}

// flush logs how many refusals were left out.
func (l *refusalLimit) flush() {
	if n := l.leftOut.Swap(0); n > 0 {
		l.log.Debug("left out refusals", "count", n)
	}
}
