package ingest

import (
	"sync/atomic"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/metric"
)

// numKinds is the number of the types of metrics.
const numKinds = int(metric.Distribution) + 1

// Reason says why metrics are rejected, as the counters tell reasons apart.
type Reason uint8

// The reasons.
const (
	ReasonInvalid   Reason = iota // a wrong parameter, name, tag, number or body
	ReasonTooLarge                // the body, the batch or the line is too large
	ReasonForbidden               // no token, a bad one, or one that does not allow the metric
	ReasonRateLimit               // of the client
	ReasonMaxSeries               // no room for another series or tag key
	ReasonQueueFull               // no room in the send queue, or in the memory for bodies and headers
	numReasons
)

var reasonNames = [numReasons]string{"invalid", "too_large", "forbidden", "rate_limit", "max_series", "queue_full"}

// String returns the name of r in the metrics of the proxy.
func (r Reason) String() string { return reasonNames[r] }

// counts are the metrics of one request.
type counts struct {
	accepted, sampledOut [numKinds]uint32
	rejected             [numReasons]uint32
}

// rejectRest counts the entries that are not counted as rejected yet, of n entries that
// were read, as rejected for one reason: the whole request is rejected. It counts at
// least one.
func (c *counts) rejectRest(reason Reason, n int) {
	for _, rejected := range c.rejected {
		n -= int(rejected)
	}
	c.rejected[reason] += uint32(max(1, n))
	c.accepted, c.sampledOut = [numKinds]uint32{}, [numKinds]uint32{}
}

// stats are the counters of a Handler. They are spread over shards, so that processors
// do not write to the same memory.
type stats struct {
	shards [statsShards]statsShard
}

const statsShards = 16

type statsShard struct {
	accepted, sampledOut [numKinds]atomic.Uint64
	rejected             [numReasons]atomic.Uint64
	_                    [64]byte // keeps the next shard out of this one's cache line
}

// nextShard is the shard of the next scratch.
var nextShard atomic.Uint32

// add adds the metrics of a request that was worked on in s.
func (st *stats) add(s *scratch) {
	shard := &st.shards[s.shard%statsShards]
	for kind := range numKinds {
		if n := s.counts.accepted[kind]; n > 0 {
			shard.accepted[kind].Add(uint64(n))
		}
		if n := s.counts.sampledOut[kind]; n > 0 {
			shard.sampledOut[kind].Add(uint64(n))
		}
	}
	for reason, n := range s.counts.rejected {
		if n > 0 {
			shard.rejected[reason].Add(uint64(n))
		}
	}
}

// countRejected counts a request for metrics that was rejected with herr before its
// metrics were read.
func (st *stats) countRejected(route exchange.Route, herr *exchange.HTTPError) {
	if route < exchange.RouteCount || route > exchange.RouteBatch {
		return
	}
	if reason := causes[causeOfStatus(herr.Status)].counter; reason != notCounted {
		st.shards[0].rejected[reason].Add(1)
	}
}

// Stats are counters of a Handler since its start, and its state.
type Stats struct {
	Accepted   [numKinds]uint64 // metrics in the send queue, by their metric.Kind
	SampledOut [numKinds]uint64 // metrics left out by their rate, by their metric.Kind
	Rejected   [numReasons]uint64

	Series, SeriesLimit int // 0 without Options.Series
	RateLimitClients    int // clients with a token bucket
}

// Stats returns the counters and the state of h.
func (h *Handler) Stats() Stats {
	var sum Stats
	for i := range h.stats.shards {
		shard := &h.stats.shards[i]
		for kind := range numKinds {
			sum.Accepted[kind] += shard.accepted[kind].Load()
			sum.SampledOut[kind] += shard.sampledOut[kind].Load()
		}
		for reason := range shard.rejected {
			sum.Rejected[reason] += shard.rejected[reason].Load()
		}
	}
	if h.options.Series != nil {
		sum.Series, sum.SeriesLimit = h.options.Series.Known(), h.options.Series.Max()
	}
	if h.rates != nil {
		sum.RateLimitClients = h.rates.Len()
	}
	return sum
}
