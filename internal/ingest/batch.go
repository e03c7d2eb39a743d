package ingest

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/sender"
)

// maxLines is how many bytes the lines of one batch may take. A short entry can become a
// long line by its prefix and the configured tags.
const maxLines = 16 << 20

// encodeAll reads all entries of a request, encodes those that are accepted and sends
// them. A rejected entry of a batch is noted in s; the only entry of another request
// decides about the request. On an error nothing is sent.
func (h *Handler) encodeAll(s *scratch, a *admission) *exchange.HTTPError {
	var now time.Time // for the limit of series
	if h.options.Series != nil {
		now = time.Now()
	}
	for ; ; s.entries++ {
		rejected, err := h.encodeNext(s, a, now)
		switch {
		case err == io.EOF:
			return h.sendAll(s, a)
		case err != nil:
			return exchange.NewError(http.StatusBadRequest, err.Error())
		case rejected != nil && !a.route.isBatch:
			return entryError(rejected)
		case rejected != nil:
			s.reject(rejected)
		case len(s.lines.Bytes) > maxLines:
			return exchange.NewError(http.StatusRequestEntityTooLarge,
				fmt.Sprintf("the lines of the batch take more than %d bytes: send it in parts", maxLines))
		}
	}
}

// encodeNext reads the next entry and appends its lines to s.lines, unless sampling
// leaves them out. It returns why the entry is rejected, or an error of scratch.next.
func (h *Handler) encodeNext(s *scratch, a *admission, now time.Time) (rejected, err error) {
	groups := len(s.lines.Ends)
	written, rejected, err := h.appendNext(s, a)
	if rejected != nil || err != nil {
		return rejected, err
	}
	if written.Rate < 1 && rand.Float64() >= written.Rate {
		s.lines.Truncate(groups)
		return nil, nil
	}
	s.metrics += len(s.lines.Ends) - groups
	if h.options.Series == nil {
		return nil, nil
	}
	if rejected = h.admitSeries(s, &written, now); rejected != nil {
		s.lines.Truncate(groups)
	}
	return rejected, nil
}

// appendNext reads the next entry and appends its lines. It copies a line of a batch that
// is already in its final form without decoding it.
func (h *Handler) appendNext(s *scratch, a *admission) (written metric.Written, rejected, err error) {
	encoder := h.options.Encoder
	if a.route.isBatch {
		if lines := s.decoder.Lines(); len(lines) > 0 {
			written, length := encoder.AppendFast(&s.lines, lines, a.scope())
			if length > 0 {
				s.decoder.Skip(length)
				return written, nil, nil
			}
		}
	}
	if rejected, err = s.next(a); rejected != nil || err != nil {
		return written, rejected, err
	}
	written, rejected = encoder.Append(&s.lines, &s.metric, a.scope())
	return written, rejected, nil
}

// sendAll charges the client for the entries of a request and sends the lines, all of
// them or none.
func (h *Handler) sendAll(s *scratch, a *admission) *exchange.HTTPError {
	if s.entries == 0 {
		return exchange.NewError(http.StatusBadRequest, "the batch is empty")
	}
	if herr := h.chargeEntries(s, a); herr != nil {
		return herr
	}
	if len(s.lines.Ends) == 0 {
		return nil
	}
	switch err := h.options.Sink.Send(s.lines.Bytes, s.lines.Ends); {
	case errors.Is(err, sender.ErrTooLarge):
		return exchange.NewError(http.StatusRequestEntityTooLarge, err.Error()+": send them in parts")
	case err != nil:
		return exchange.Busy(err.Error())
	}
	if h.isVerbose {
		h.logLines(s.lines.Bytes)
	}
	return nil
}

// chargeEntries charges the client for the entries of a request, rejected ones too, or
// for their metrics if those are more. Begin has charged for the first one.
func (h *Handler) chargeEntries(s *scratch, a *admission) *exchange.HTTPError {
	n := max(s.entries, s.metrics)
	if h.options.Rates == nil || n == 1 {
		return nil
	}
	if burst := h.options.Rates.Burst(); n > burst {
		return exchange.NewError(http.StatusRequestEntityTooLarge,
			fmt.Sprintf("the batch has %d metrics, and a client may send %d at once: send it in parts", n, burst))
	}
	return h.charge(a.client, n-1)
}
