package ingest

import (
	"bytes"
	"io"
	"sync"

	"statsd-http-proxy/internal/decode"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/metric"
	"statsd-http-proxy/internal/quote"
)

// scratch is the memory in which the body of one request is worked on. It may be large,
// so that a request holds it within Serve only: before and afterwards its client may be
// slow.
type scratch struct {
	decoder       decode.Decoder
	metric        metric.Metric
	written       metric.Written // the lines of the current entry
	name          []byte         // the metric's name, percent-decoded
	series        []byte         // of the current entry, for Options.Top
	body          []byte         // the body, unpacked
	tags          confirmedTags  // kept for other requests
	countsAsLarge bool           // the body counts among Handler.largeBodies
	shard         uint32         // of the counters

	// The entries of the body so far.
	input      []byte         // the body, which the entries are parts of
	entries    int            // read
	repeats    float64        // the sum of metric.Written.Repeats
	rejected   int            // rejected entries
	causes     [numCauses]int // of the rejected entries
	rejections []rejection
	counts     counts
	newSeries  []uint64 // hashes of the series that this request has introduced
	newKeys    []uint64 // hashes of the tag keys that this request has reserved
	lines      metric.Lines
}

// rejection says why an entry is rejected.
type rejection struct {
	index   int // of the entry, from 0
	cause   cause
	message string
}

var scratches = sync.Pool{New: func() any { return &scratch{shard: nextShard.Add(1)} }}

func acquireScratch() *scratch { return scratches.Get().(*scratch) }

// maxKeptScratch is the size in bytes up to which buffers are kept for other requests.
const maxKeptScratch = 256 << 10

// release empties s and gives it back. The decoder and the metric keep slices of the last
// body, which they overwrite before they use them.
func (s *scratch) release() {
	const hashBytes = 8
	if cap(s.body) > maxKeptScratch || cap(s.lines.Bytes) > maxKeptScratch ||
		cap(s.newSeries)+cap(s.newKeys) > maxKeptScratch/hashBytes {
		return
	}
	clear(s.rejections)
	s.counts = counts{}
	s.causes = [numCauses]int{}
	s.input, s.entries, s.repeats, s.rejected = nil, 0, 0, 0
	s.rejections, s.newSeries, s.newKeys = s.rejections[:0], s.newSeries[:0], s.newKeys[:0]
	s.lines.Truncate(0)
	scratches.Put(s)
}

// open starts reading the entries of body. It returns an error if a batch has parameters
// in its query string.
func (s *scratch) open(a *admission, body []byte) error {
	s.input = body
	if !a.route.isBatch {
		return nil
	}
	s.decoder.OpenBatch(body)
	return s.decoder.BatchQuery(a.route.query)
}

// next decodes the next entry into s.metric. It returns why the entry is rejected, or
// io.EOF after the last entry, or another error if the body cannot be read any further.
func (s *scratch) next(a *admission) (rejected, err error) {
	switch {
	case a.route.isBatch:
		return s.decoder.Next(&s.metric)
	case s.entries > 0:
		return nil, io.EOF
	default:
		return s.decodeSingle(a), nil
	}
}

// decodeSingle decodes the only metric of a request, from its body and its query.
func (s *scratch) decodeSingle(a *admission) error {
	r, m := &a.route, &s.metric
	m.Reset()
	m.Kind = r.kind
	m.Name = r.name
	if bytes.IndexByte(r.name, '%') >= 0 {
		var err error
		if s.name, err = decode.AppendUnescaped(s.name[:0], r.name); err != nil {
			return quote.Wrap("name %s: %w", r.name, err)
		}
		m.Name = s.name
	}
	return s.decoder.Decode(m, s.inputOf(a))
}

// inputOf returns the parameters of a request with one metric.
func (s *scratch) inputOf(a *admission) *decode.Input {
	return &decode.Input{Body: s.input, Query: a.route.query, Boundary: a.boundary, Params: a.route.params}
}

// reject counts the current entry as rejected. The first ones are listed: the text of
// err is made only for them.
func (s *scratch) reject(err error) {
	s.rejected++
	c := causeOfEntry(err)
	s.causes[c]++
	s.counts.rejected[causes[c].counter]++
	if len(s.rejections) < maxRejections {
		s.rejections = append(s.rejections, rejection{s.entries, c, err.Error()})
	}
}

// rejectRest counts the n entries that were read as rejected if herr, the error of the
// whole request, is not nil. It returns herr.
func (s *scratch) rejectRest(n int, herr *exchange.HTTPError) *exchange.HTTPError {
	if herr != nil {
		s.counts.rejectRest(causes[causeOfStatus(herr.Status)].counter, n)
	}
	return herr
}
