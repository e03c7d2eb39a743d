package ingest

import (
	"time"

	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// seriesRetry is the time after which a series that was rejected may be admitted.
const seriesRetry = time.Minute

// seriesLimitError rejects an entry because there is no room for its series.
type seriesLimitError struct{ name string } // quoted

func (e *seriesLimitError) Error() string {
	return "too many series are in use for the new one of " + e.name
}

// admitNew admits the tag keys and the series of the current entry, or returns why the
// entry is rejected. See encodeNext for its stack.
//
//go:noinline
func (h *Handler) admitNew(s *scratch, a *admission, written *metric.Written, now time.Time) error {
	reserved := len(s.newKeys)
	if h.options.TagKeys != nil && !written.HasKnownTags { // the earlier line is accepted
		if err := h.reserveTagKeys(s, written); err != nil {
			return err
		}
	}
	if a.limitsSeries {
		if err := h.admitSeries(s, a, written, now); err != nil {
			h.releaseTagKeys(s, reserved)
			return err
		}
	}
	return nil
}

// admitSeries admits the series of the current entry, or returns why the entry is
// rejected. It notes a series that is not in use yet in s.newSeries. The claim max_series
// of a token replaces Options.Series.
func (h *Handler) admitSeries(s *scratch, a *admission, written *metric.Written, now time.Time) error {
	hash := limit.HashSeries(written.Name, written.Tags)
	var isAdmitted, isNew bool
	if a.hasMaxSeries() {
		isAdmitted, isNew = h.clientSeries.Admit(a.client, a.grant.MaxSeries, hash, now)
	} else {
		isAdmitted, isNew = h.options.Series.Admit(hash, now)
	}
	if !isAdmitted {
		return &seriesLimitError{quote.Bytes(written.Name)}
	}
	if isNew {
		s.newSeries = append(s.newSeries, hash)
	}
	return nil
}

// forgetNew makes room again for the tag keys and the series that a request has
// introduced, because the request is rejected as a whole: lines that are not sent must
// not keep others out.
func (h *Handler) forgetNew(s *scratch, a *admission) {
	h.releaseTagKeys(s, 0)
	for _, hash := range s.newSeries {
		if a.hasMaxSeries() {
			h.clientSeries.Remove(a.client, hash)
		} else {
			h.options.Series.Remove(hash)
		}
	}
}
