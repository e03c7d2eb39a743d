package ingest

import (
	"time"

	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/top"
)

// recordAccepted tells Options.Top about a metric that is accepted. It costs a few
// nanoseconds for most metrics. See encodeNext for its stack.
//
//go:noinline
func (h *Handler) recordAccepted(s *scratch, a *admission, written *metric.Written) {
	if h.options.Top == nil {
		return
	}
	weight := h.options.Top.Sample(&a.skip)
	if weight == 0 {
		return
	}
	s.series = append(append(s.series[:0], written.Name...), written.Tags...)
	h.options.Top.Record(time.Now(), weight, top.Event{
		Series: s.series,
		Name:   written.BareName(),
		Client: h.clientName(a),
		Origin: a.request.Bytes(a.request.Origin),
	})
}

// recordRejected tells Options.Top about a request or an entry that is rejected. reason
// is called if the rejection is looked at.
func (h *Handler) recordRejected(a *admission, reason func() string) {
	if h.options.Top == nil {
		return
	}
	weight := h.options.Top.Sample(&a.skip)
	if weight == 0 {
		return
	}
	h.options.Top.Record(time.Now(), weight, top.Event{
		Client: h.clientName(a),
		Origin: a.request.Bytes(a.request.Origin),
		Reason: []byte(reason()),
	})
}

// clientName returns the subject of the token, or the address that a request comes from.
func (h *Handler) clientName(a *admission) []byte {
	if a.grant != nil && a.grant.Subject != "" {
		return []byte(a.grant.Subject)
	}
	return []byte(h.clientAddress(a.request, a).String())
}
