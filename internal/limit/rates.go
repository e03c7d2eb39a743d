package limit

import (
	"math"
	"sync"
	"time"
)

// DefaultClients is the usual number of clients that Rates stores. They take up
// to 7 MB.
const DefaultClients = 100_000

// Never is the wait for a charge that can never succeed.
const Never time.Duration = math.MaxInt64

// Rates limits the number of metrics a second of each client. A client has a
// token bucket: it holds up to burst tokens and is refilled at the rate. Each
// metric costs one token.
//
// Rates stores a limited number of clients. To store another one, it forgets the
// client that it has not seen for longest. If that client comes back, its bucket
// is full, as it would be anyway after burst/perSecond seconds.
type Rates struct {
	start      time.Time
	burst      int
	perToken   float64       // nanoseconds in which one token is refilled
	refillTime time.Duration // time in which an empty bucket becomes full
	shards     []rateShard
}

// maxRefillTime bounds Rates.refillTime so that sums of times do not overflow.
// It is about 36 years; NewRates raises slower rates.
const maxRefillTime time.Duration = 1 << 60

// Rates has up to maxRateShards shards, each with its own lock. A shard has room
// for at least minShardClients clients, so that all shards become full at about
// the same time.
const (
	maxRateShards   = 16
	minShardClients = 4096
)

// NewRates returns Rates of perSecond metrics (above 0) with bursts of burst
// metrics (at least 1), which store up to maxClients clients (at least 1).
// Clients are spread over the shards by their hashes, so one shard may forget
// clients a little before the whole table is full.
func NewRates(perSecond float64, burst, maxClients int) *Rates {
	r := &Rates{
		start:    time.Now(),
		burst:    burst,
		perToken: min(1e9/perSecond, float64(maxRefillTime)/float64(burst)),
		shards:   make([]rateShard, max(1, min(maxRateShards, maxClients/minShardClients))),
	}
	r.refillTime = r.timeFor(burst)
	for i := range r.shards {
		s := &r.shards[i]
		s.index = make(map[Client]int32)
		s.buckets = make([]bucket, 1, 1+maxClients/len(r.shards))
	}
	return r
}

// Burst returns the number of metrics that a client can send at once.
func (r *Rates) Burst() int { return r.burst }

// timeFor returns the time in which n tokens are refilled.
func (r *Rates) timeFor(n int) time.Duration { return time.Duration(float64(n) * r.perToken) }

// Charge takes n tokens from the bucket of c at the time now. If the bucket has
// fewer, Charge takes none and returns the time after which it will have enough,
// if c is not charged meanwhile. If n is above the burst, the wait is Never. A
// clock that goes back refills nothing.
func (r *Rates) Charge(c Client, n int, now time.Time) (wait time.Duration, ok bool) {
	switch {
	case n <= 0:
		return 0, true
	case n > r.burst:
		return Never, false
	}
	at := now.Sub(r.start)
	s := &r.shards[uint64(c)%uint64(len(r.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bucket(c, at)
	if b.fullAt > at+2*r.refillTime {
		// The clock was set back. Do not wait until it catches up.
		b.fullAt = at + r.refillTime
	}
	fullAt := max(b.fullAt, at) + r.timeFor(n)
	if wait = fullAt - at - r.refillTime; wait > 0 {
		return wait, false
	}
	b.fullAt = fullAt
	return 0, true
}

// bucket is the token bucket of a client, and an element of its shard's list.
type bucket struct {
	client Client

	// fullAt is the time when the bucket will be full, as a duration since
	// Rates.start. This one number determines the tokens at any time.
	fullAt time.Duration

	newer, older int32 // neighbors in the list: indices in rateShard.buckets
}

// rateShard stores a part of the clients. A circular list orders them by the
// time when they were last seen.
type rateShard struct {
	mu      sync.Mutex       // protects the fields below
	index   map[Client]int32 // index of each client's bucket
	buckets []bucket         // bucket 0 belongs to no client: it joins the ends of the list
}

// bucket returns the bucket of c and makes it the newest of the list. If c is
// unknown, its bucket is full at the time at.
func (s *rateShard) bucket(c Client, at time.Duration) *bucket {
	i, ok := s.index[c]
	switch {
	case ok:
		s.unlink(i)
	case len(s.buckets) < cap(s.buckets):
		i = int32(len(s.buckets))
		s.buckets = append(s.buckets, bucket{client: c, fullAt: at})
		s.index[c] = i
	default:
		i = s.buckets[0].newer // the oldest
		s.unlink(i)
		delete(s.index, s.buckets[i].client)
		s.buckets[i] = bucket{client: c, fullAt: at}
		s.index[c] = i
	}
	b, ends := &s.buckets[i], &s.buckets[0]
	b.newer, b.older = 0, ends.older
	s.buckets[ends.older].newer = i
	ends.older = i
	return b
}

// unlink removes bucket i from the list.
func (s *rateShard) unlink(i int32) {
	b := &s.buckets[i]
	s.buckets[b.older].newer = b.newer
	s.buckets[b.newer].older = b.older
}
