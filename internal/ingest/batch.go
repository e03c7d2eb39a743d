package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"time"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/sender"
)

// maxLines is how many bytes the lines of one batch may take. A short entry can become a
// long line by its prefix and the configured tags.
const maxLines = 16 << 20

// yieldEntries is the number of entries after which encodeAll lets other requests run.
const yieldEntries = 256

// encodeAll reads all entries of a request, encodes those that are accepted and sends
// them. A rejected entry of a batch is noted in s; the only entry of another request
// decides about the request. On an error nothing is sent.
func (h *Handler) encodeAll(s *scratch, a *admission) *exchange.HTTPError {
	var now time.Time // for the limit of series
	if a.limitsSeries {
		now = time.Now()
	}
	for ; ; s.entries++ {
		cost, rejected, err := h.encodeNext(s, a, now)
		switch {
		case err == io.EOF:
			return s.rejectRest(s.entries, h.sendAll(s, a))
		case err != nil:
			return s.rejectRest(s.entries+1, exchange.NewError(http.StatusBadRequest, err.Error()))
		}
		if herr := h.chargeEntry(a, cost); herr != nil {
			return s.rejectRest(s.entries+1, herr)
		}
		switch {
		case rejected != nil && !a.route.isBatch:
			a.cause = causeOfEntry(rejected)
			s.counts.rejected[causes[a.cause].counter]++
			return entryError(rejected)
		case rejected != nil:
			s.reject(rejected)
			h.recordRejected(a, rejected.Error)
		case len(s.lines.Bytes) > maxLines:
			return s.rejectRest(s.entries+1, exchange.NewError(http.StatusRequestEntityTooLarge,
				fmt.Sprintf("the lines of the batch take more than %d bytes: send it in parts", maxLines)))
		case s.entries%yieldEntries == yieldEntries-1:
			runtime.Gosched()
		}
	}
}

// encodeNext reads the next entry and appends its lines to s.lines, unless sampling
// leaves them out. It returns how many metrics the entry counts as, and why it is
// rejected, or an error of scratch.next.
//
// It calls functions that are never inlined, so that they take stack one after the other: a
// goroutine that serves usual requests gets by with a stack of 4 KiB, and keeps it while the
// connection is idle.
func (h *Handler) encodeNext(s *scratch, a *admission, now time.Time) (cost int, rejected, err error) {
	groups := len(s.lines.Ends)
	if h.appendFast(s, a) {
		cost = 1
	} else if cost, rejected, err = h.appendNext(s, a); rejected != nil || err != nil {
		return cost, rejected, err
	}
	written := &s.written
	if written.Repeats > 0 {
		if rejected = h.addRepeats(s, written); rejected != nil {
			s.lines.Truncate(groups)
			return cost, rejected, nil
		}
		cost = max(cost, int(written.Repeats))
	}
	if written.Rate < 1 && rand.Float64() >= written.Rate {
		s.lines.Truncate(groups)
		s.counts.sampledOut[written.Kind]++
		return cost, nil, nil
	}
	if a.limitsSeries || !written.HasKnownTags { // otherwise nothing can be new
		if rejected = h.admitNew(s, a, written, now); rejected != nil {
			s.lines.Truncate(groups)
			return cost, rejected, nil
		}
	}
	s.counts.accepted[written.Kind]++
	h.recordAccepted(s, a, written)
	return cost, nil, nil
}

// appendFast appends the line of the next entry to s.lines and describes it in s.written, if
// the entry is in a form that needs no complete decoding. Otherwise it returns false and
// leaves the entry unread.
func (h *Handler) appendFast(s *scratch, a *admission) (ok bool) {
	if !a.route.isBatch {
		return s.entries == 0 && h.appendSingleFast(s, a)
	}
	encoder, length := h.options.Encoder, 0
	if lines := s.decoder.Lines(); len(lines) > 0 {
		length = encoder.AppendFast(&s.written, &s.lines, lines, a.scope())
		ok = length > 0
	} else if encoder.TakesFields() {
		var fields *metric.Fields
		if fields, length = s.decoder.Fields(); length > 0 {
			ok = encoder.AppendFields(&s.written, &s.lines, fields, a.scope())
		}
	}
	if ok {
		s.decoder.Skip(length)
	}
	return ok
}

// appendSingleFast is appendFast for the only metric of a request.
func (h *Handler) appendSingleFast(s *scratch, a *admission) (ok bool) {
	r, encoder := &a.route, h.options.Encoder
	if !encoder.TakesFields() || bytes.IndexByte(r.name, '%') >= 0 {
		return false
	}
	fields, ok := s.decoder.SingleFields(s.inputOf(a))
	if !ok {
		return false
	}
	fields.Kind = r.kind
	if r.params == decode.ValueParams {
		fields.Name = r.name
	}
	return encoder.AppendFields(&s.written, &s.lines, fields, a.scope())
}

// appendNext reads the next entry, appends its lines to s.lines and describes them in
// s.written. Each value of an entry counts as a metric.
//
// If it were inlined, its stack would add to that of the fast paths, see encodeNext.
//
//go:noinline
func (h *Handler) appendNext(s *scratch, a *admission) (cost int, rejected, err error) {
	encoder := h.options.Encoder
	if a.route.isBatch && s.rejected >= maxRejections { // nobody reads the error
		if length := encoder.ScanBad(s.decoder.Lines()); length > 0 {
			s.decoder.Skip(length)
			return 1, errUnlisted, nil
		}
	}
	rejected, err = s.next(a)
	cost = 1 + len(s.metric.More)
	if rejected != nil || err != nil {
		return cost, rejected, err
	}
	s.written, rejected = encoder.Append(&s.lines, &s.metric, a.scope())
	return cost, rejected, nil
}

// errUnlisted rejects an entry whose error is not listed in the response.
var errUnlisted = errors.New("unlisted")

// addRepeats adds to s what StatsD has to do for timings with a rate, or returns why the
// entry is rejected.
func (h *Handler) addRepeats(s *scratch, written *metric.Written) error {
	if s.repeats+written.Repeats > metric.MaxRepeats {
		return errTooManyRepeats
	}
	s.repeats += written.Repeats
	return nil
}

var errTooManyRepeats = fmt.Errorf("StatsD may repeat each timing 1/sampleRate times, and the timings of a request may be repeated %d times in all; "+
	"--statsd-flavor can name a server that does not", metric.MaxRepeats)

// sendAll sends the lines of a request, all of them or none.
func (h *Handler) sendAll(s *scratch, a *admission) *exchange.HTTPError {
	if s.entries == 0 {
		return exchange.NewError(http.StatusBadRequest, "the batch is empty")
	}
	if len(s.lines.Ends) == 0 {
		return nil
	}
	switch err := h.options.Sink.Send(s.lines.Bytes, s.lines.Ends); {
	case errors.Is(err, sender.ErrTooLarge):
		a.cause = causeQueueSize
		return exchange.NewError(http.StatusRequestEntityTooLarge, err.Error()+": send them in parts")
	case errors.Is(err, sender.ErrQueueFull):
		a.cause = causeQueueFull
		return exchange.Busy(err.Error())
	case err != nil:
		a.cause = causeStopping
		return exchange.Busy(err.Error())
	}
	if h.isVerbose {
		h.logLines(s.lines.Bytes)
	}
	return nil
}
