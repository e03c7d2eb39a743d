package ingest

import (
	"bytes"
	"strconv"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/quote"
)

// Limits of the log of rejected requests and entries, and of forwarded lines. They keep
// clients from filling a disk.
const (
	rejectionsPerSecond = 10
	rejectionsBurst     = 50
	forwardedPerSecond  = 20
	forwardedBurst      = 200
)

// limitInterval is the least time between two log lines that a limit is at work.
const limitInterval = 10 * time.Second

// reject answers a request with herr and logs it.
func (h *Handler) reject(x *exchange.Exchange, herr *exchange.HTTPError) {
	x.Response.SetError(herr)
	h.recordRejected(admissionOf(x), func() string { return strconv.Itoa(herr.Status) + " " + herr.Message })
	if h.isVerbose && h.rejectionLog.Allow() {
		q := &x.Request
		h.log.Debug("request rejected", "status", herr.Status, "error", herr.Message,
			"method", quote.Cut(string(q.Bytes(q.Method))), "path", quote.Cut(string(q.Path())),
			"client", h.clientAddress(q, admissionOf(x)))
	}
}

// logLines logs lines that were sent, as far as the limit allows.
func (h *Handler) logLines(lines []byte) {
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		if h.forwardedLog.Allow() {
			h.log.Debug("forwarded", "line", string(line))
		}
	}
}

// FlushLog logs how many rejections and forwarded lines were left out of the log since
// the last lines about them. Call it when no more requests are served.
func (h *Handler) FlushLog() {
	h.rejectionLog.Flush()
	h.forwardedLog.Flush()
}
