package ingest

import (
	"bytes"
	"log/slog"
	"strconv"

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

// reject answers a request with herr and logs it.
func (h *Handler) reject(x *exchange.Exchange, herr *exchange.HTTPError) {
	x.Response.SetError(herr)
	a := admissionOf(x)
	h.recordRejected(a, func() string { return strconv.Itoa(herr.Status) + " " + herr.Message })
	c := h.causeOf(a, herr)
	kind := a.kind(c, "requests")
	if c == causeToken {
		kind.Detail = herr.Message // which has no part of the token
	}
	h.summary.Add(kind, 1, uint64(h.client(&x.Request, a)), func() []slog.Attr { return h.describe(x, herr.Message) })
	if h.isVerbose && h.rejectionLog.Allow() {
		q := &x.Request
		h.log.Debug("request rejected", "status", herr.Status, "error", herr.Message,
			"method", quote.Cut(string(q.Bytes(q.Method))), "path", quote.Cut(string(q.Path())),
			"client", h.clientAddress(q, a))
	}
}

// logEntries logs the rejected entries of a batch.
func (h *Handler) logEntries(x *exchange.Exchange, s *scratch) {
	a := admissionOf(x)
	for c, n := range s.causes {
		if n == 0 {
			continue
		}
		h.summary.Add(a.kind(cause(c), "entries of batches"), n, uint64(h.client(&x.Request, a)), func() []slog.Attr {
			message := ""
			for _, r := range s.rejections {
				if r.cause == cause(c) {
					message = r.message
					break
				}
			}
			return h.describe(x, message)
		})
	}
}

// describe returns the attributes of a rejected request, or of one with a rejected entry
// whose error is message. The path is without the query, which may have a token.
func (h *Handler) describe(x *exchange.Exchange, message string) []slog.Attr {
	q, a := &x.Request, admissionOf(x)
	client := slog.Any("client", h.clientAddress(q, a))
	if a.grant != nil && a.grant.Subject != "" {
		client = slog.String("sub", quote.Cut(a.grant.Subject))
	}
	attributes := []slog.Attr{client}
	if !q.Origin.IsEmpty() {
		attributes = append(attributes, slog.String("origin", quote.Cut(string(q.Bytes(q.Origin)))))
	}
	if !q.Method.IsEmpty() {
		attributes = append(attributes, slog.String("route", quote.Cut(string(q.Bytes(q.Method))+" "+string(q.Path()))))
	}
	if message != "" {
		attributes = append(attributes, slog.String("error", message))
	}
	return attributes
}

// logLines logs lines that were sent, as far as the limit allows.
func (h *Handler) logLines(lines []byte) {
	for line := range bytes.SplitSeq(lines, []byte{'\n'}) {
		if h.forwardedLog.Allow() {
			h.log.Debug("forwarded", "line", string(line))
		}
	}
}

// FlushLog logs how many requests and entries were rejected, and how many lines about
// them and about forwarded lines were left out of the log, since the last lines about
// them. Call it when no more requests are served.
func (h *Handler) FlushLog() {
	h.summary.Flush()
	h.rejectionLog.Flush()
	h.forwardedLog.Flush()
}
