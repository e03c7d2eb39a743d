package exchange

import (
	"math"
	"math/bits"
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// Route is the route of a request, as the counters tell routes apart.
type Route uint8

// The routes.
const (
	RouteOther Route = iota // no route of metrics, or the head could not be read
	RouteCount
	RouteGauge
	RouteTiming
	RouteSet
	RouteHistogram
	RouteDistribution
	RouteBatch
	RouteHeartbeat
	RoutePreflight
	numRoutes
)

var routeNames = [numRoutes]string{
	"other", "count", "gauge", "timing", "set", "histogram", "distribution", "batch", "heartbeat", "preflight",
}

// String returns the name of r in the metrics of the proxy.
func (r Route) String() string { return routeNames[r] }

// codes are the status codes that are counted one by one, in order. Others count as
// otherCode.
var codes = [...]int{
	http.StatusOK, http.StatusNoContent, http.StatusPartialContent,
	http.StatusMovedPermanently, http.StatusNotModified,
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
	http.StatusMethodNotAllowed, http.StatusRequestTimeout, http.StatusLengthRequired,
	http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnsupportedMediaType,
	http.StatusRequestedRangeNotSatisfiable, http.StatusExpectationFailed, http.StatusTooManyRequests,
	http.StatusRequestHeaderFieldsTooLarge, http.StatusInternalServerError, http.StatusNotImplemented,
	http.StatusServiceUnavailable, http.StatusHTTPVersionNotSupported,
}

// otherCode stands for status codes that are not in codes.
const otherCode = 0

// DurationBuckets are the upper bounds of the buckets for durations of requests, in
// seconds. The last bucket has no bound.
var DurationBuckets = [...]float64{
	0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
}

// durationBounds are the DurationBuckets as durations.
var durationBounds = func() (bounds [len(DurationBuckets)]time.Duration) {
	for i, seconds := range DurationBuckets {
		bounds[i] = time.Duration(math.Round(seconds * 1e9))
	}
	return bounds
}()

// Stats counts requests. Its counters are spread over shards, so that connections on
// different processors do not write to the same memory.
type Stats struct {
	shards []StatsShard
	next   atomic.Uint32 // the shard of the next connection
}

// StatsShard holds the counters of some connections. Its methods are safe for
// concurrent use.
type StatsShard struct {
	requests  [numRoutes][len(codes) + 1]atomic.Uint64
	bodyBytes atomic.Uint64
	buckets   [len(DurationBuckets) + 1]atomic.Uint64
	nanos     atomic.Uint64 // sum of all durations
	active    atomic.Int64  // connections with a request that is not answered
	_         [64]byte      // keeps the next shard out of this one's cache line
}

// maxStatsShards bounds the shards. Each takes 2 KiB.
const maxStatsShards = 16

// NewStats returns Stats without requests.
func NewStats() *Stats {
	n := min(maxStatsShards, 1<<bits.Len(uint(runtime.GOMAXPROCS(0)-1)))
	return &Stats{shards: make([]StatsShard, n)}
}

// Shard returns the shard for another connection.
func (s *Stats) Shard() *StatsShard {
	return &s.shards[int(s.next.Add(1))%len(s.shards)]
}

// CountRequest counts a request for a route that is answered with status and that has
// sent bodyBytes of a body.
func (s *StatsShard) CountRequest(route Route, status, bodyBytes int) {
	s.requests[route][codeIndex(status)].Add(1)
	if bodyBytes > 0 {
		s.AddBodyBytes(bodyBytes)
	}
}

// AddBodyBytes counts n more bytes of the body of a request that is counted.
func (s *StatsShard) AddBodyBytes(n int) { s.bodyBytes.Add(uint64(n)) }

// codeIndex returns the index of a status in StatsShard.requests.
func codeIndex(status int) int {
	if status == http.StatusOK {
		return 0
	}
	if i, ok := slices.BinarySearch(codes[:], status); ok {
		return i
	}
	return len(codes)
}

// ObserveDuration counts a request that took d from its first byte to the end of its
// response.
func (s *StatsShard) ObserveDuration(d time.Duration) {
	d = max(0, d) // the clock may go back
	i := 0
	for i < len(durationBounds) && d > durationBounds[i] {
		i++
	}
	s.buckets[i].Add(1)
	s.nanos.Add(uint64(d))
}

// AddActive adds n to the number of active connections.
func (s *StatsShard) AddActive(n int64) { s.active.Add(n) }

// StatsSnapshot holds the sums of all shards.
type StatsSnapshot struct {
	BodyBytes uint64
	Active    int64 // connections with a request that is not answered

	// Buckets holds the number of requests in each of DurationBuckets, and in the
	// bucket without a bound. A request is in one bucket only.
	Buckets [len(DurationBuckets) + 1]uint64
	Seconds float64 // sum of all durations

	requests [numRoutes][len(codes) + 1]uint64
}

// Snapshot returns the sums of all shards.
func (s *Stats) Snapshot() *StatsSnapshot {
	sum := new(StatsSnapshot)
	var nanos uint64
	for i := range s.shards {
		shard := &s.shards[i]
		for route := range shard.requests {
			for code := range shard.requests[route] {
				sum.requests[route][code] += shard.requests[route][code].Load()
			}
		}
		for bucket := range shard.buckets {
			sum.Buckets[bucket] += shard.buckets[bucket].Load()
		}
		sum.BodyBytes += shard.bodyBytes.Load()
		sum.Active += shard.active.Load()
		nanos += shard.nanos.Load()
	}
	sum.Seconds = float64(nanos) / 1e9
	return sum
}

// Requests calls add for each route and status code with the number of requests, also
// if that is 0. Codes that are not counted one by one have the code 0.
func (s *StatsSnapshot) Requests(add func(route Route, code int, n uint64)) {
	for route := range s.requests {
		for i, n := range s.requests[route] {
			code := otherCode
			if i < len(codes) {
				code = codes[i]
			}
			add(Route(route), code, n)
		}
	}
}
