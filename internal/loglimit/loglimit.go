// Package loglimit bounds how often clients can cause lines in the log, so that a
// flood of requests does not become a flood of log lines.
package loglimit

import (
	"log/slog"
	"sync/atomic"

	"golang.org/x/time/rate"
)

// Limiter lets a burst of lines into a log, then a number per second, and counts
// those that it leaves out. It is safe for concurrent use.
type Limiter struct {
	log     *slog.Logger
	message string // for the line with the count
	limiter *rate.Limiter
	leftOut atomic.Int64
}

// New returns a Limiter for lines in log. what names the lines in the plural, such as
// rejections.
func New(log *slog.Logger, what string, perSecond float64, burst int) *Limiter {
	return &Limiter{log: log, message: what + " left out of the log", limiter: rate.NewLimiter(rate.Limit(perSecond), burst)}
}

// SetRate changes the number of lines per second.
func (l *Limiter) SetRate(perSecond float64) { l.limiter.SetLimit(rate.Limit(perSecond)) }

// Allow reports whether another line may be logged. If it may, Allow first logs how
// many were left out since the last one.
func (l *Limiter) Allow() bool {
	if !l.limiter.Allow() {
		l.leftOut.Add(1)
		return false
	}
	l.Flush()
	return true
}

// Flush logs how many lines were left out since the last call, unless there were
// none.
func (l *Limiter) Flush() {
	if n := l.leftOut.Swap(0); n > 0 {
		l.log.Debug(l.message, "count", n)
	}
}
