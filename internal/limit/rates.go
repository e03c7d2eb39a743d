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

// Rate is how many metrics a client may send. Its token bucket holds up to burst
// tokens and is refilled at the rate. Each metric costs one token. The zero Rate
// is not valid.
type Rate struct {
	burst      int
	perToken   float64       // nanoseconds in which one token is refilled
	refillTime time.Duration // time in which an empty bucket becomes full
}

// maxRefillTime bounds Rate.refillTime so that sums of times do not overflow. It
// is about 36 years; NewRate raises slower rates.
const maxRefillTime time.Duration = 1 << 60

// burstSeconds is the time whose metrics are the default burst.
const burstSeconds = 10

// maxDefaultBurst bounds the default burst.
const maxDefaultBurst = 1_000_000_000

// NewRate returns a Rate of perSecond metrics (above 0) with bursts of burst
// metrics. A burst of 0 stands for the metrics of ten seconds, at least one.
func NewRate(perSecond float64, burst int) Rate {
	if burst == 0 {
		burst = int(min(max(1, burstSeconds*perSecond), maxDefaultBurst))
	}
	r := Rate{burst: burst, perToken: min(1e9/perSecond, float64(maxRefillTime)/float64(burst))}
	r.refillTime = r.TimeFor(burst)
	return r
}

// Burst returns the number of metrics that a client can send at once.
func (r *Rate) Burst() int { return r.burst }

// TimeFor returns the time in which n tokens are refilled. n is at most a few
// bursts.
func (r *Rate) TimeFor(n int) time.Duration { return time.Duration(float64(n) * r.perToken) }

// tokensIn returns how many tokens are refilled in a time of at most refillTime.
func (r *Rate) tokensIn(t time.Duration) int {
	// The sum makes up for the rounding of TimeFor.
	return min(r.burst, int((float64(t)+1)/r.perToken))
}

// Rates stores the token buckets of a limited number of clients. To store another one,
// it removes the client that it has not seen for longest. If that client comes back,
// its bucket is full, as it would be in any case after burst/perSecond seconds.
//
// Callers pass the Rate of a client with each call. It should be the same in all
// calls for a client.
type Rates struct {
	start  time.Time
	shards []rateShard
}

// Rates has up to maxRateShards shards, each with its own lock. A shard has room
// for at least minShardClients clients, so that all shards become full at about
// the same time.
const (
	maxRateShards   = 16
	minShardClients = 4096
)

// NewRates returns Rates that store up to maxClients clients (at least 1).
// Clients are spread over the shards by their hashes, so one shard may forget
// clients a little before the whole table is full.
func NewRates(maxClients int) *Rates {
	r := &Rates{
		start:  time.Now(),
		shards: make([]rateShard, max(1, min(maxRateShards, maxClients/minShardClients))),
	}
	for i := range r.shards {
		s := &r.shards[i]
		s.index = make(map[Client]int32)
		s.buckets = make([]bucket, 1, 1+maxClients/len(r.shards))
	}
	return r
}

// maxDebt is the maximum debt of a client after Adjust, in full buckets.
const maxDebt = 2

// Charge takes n tokens from the bucket of c at the time now. If the bucket has
// fewer, Charge takes none and returns the time after which it will have enough,
// if c is not charged meanwhile. If n is above the burst, the wait is Never. A
// clock that goes back refills nothing.
func (r *Rates) Charge(c Client, rate Rate, n int, now time.Time) (wait time.Duration, ok bool) {
	switch {
	case n <= 0:
		return 0, true
	case n > rate.burst:
		return Never, false
	}
	s, at := r.lock(c, now)
	defer s.mu.Unlock()
	b := s.bucket(c, &rate, at)
	fullAt := max(b.fullAt, at) + rate.TimeFor(n)
	if wait = fullAt - at - rate.refillTime; wait > 0 {
		return wait, false
	}
	b.fullAt = fullAt
	return 0, true
}

// ChargeUpTo takes n tokens from the bucket of c, or all if the bucket has fewer.
// It returns the number of tokens that it took.
func (r *Rates) ChargeUpTo(c Client, rate Rate, n int, now time.Time) (taken int) {
	s, at := r.lock(c, now)
	defer s.mu.Unlock()
	b := s.bucket(c, &rate, at)
	fullAt := max(b.fullAt, at)
	taken = max(0, min(n, rate.tokensIn(at+rate.refillTime-fullAt)))
	b.fullAt = fullAt + rate.TimeFor(taken)
	return taken
}

// Adjust corrects earlier charges of c. It takes n tokens from the bucket of c, even
// if the bucket has fewer: then the bucket stays empty until the debt is refilled.
// The debt is at most two full buckets. If n is negative, Adjust gives back -n
// tokens.
func (r *Rates) Adjust(c Client, rate Rate, n int, now time.Time) {
	s, at := r.lock(c, now)
	defer s.mu.Unlock()
	b := s.bucket(c, &rate, at)
	limit := at + (1+maxDebt)*rate.refillTime
	if n/(1+maxDebt) > rate.burst { // TimeFor could overflow
		b.fullAt = limit
		return
	}
	b.fullAt = min(limit, max(b.fullAt, at)+rate.TimeFor(n))
}

// lock locks the shard of c, and returns it with the time since the start.
func (r *Rates) lock(c Client, now time.Time) (*rateShard, time.Duration) {
	s := &r.shards[uint64(c)%uint64(len(r.shards))]
	s.mu.Lock()
	return s, now.Sub(r.start)
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
	buckets []bucket         // bucket 0 belongs to no client: it is the sentinel of the list
}

// bucket returns the bucket of c at the time at, and makes it the newest of the list. If
// c is unknown, its bucket is full.
func (s *rateShard) bucket(c Client, rate *Rate, at time.Duration) *bucket {
	b := s.findOrAdd(c, at)
	if b.fullAt > at+(2+maxDebt)*rate.refillTime {
		// The clock was set back. Do not wait until it catches up.
		b.fullAt = at + rate.refillTime
	}
	return b
}

// findOrAdd returns the bucket of c and makes it the newest of the list. If c is unknown,
// it adds a full bucket, in place of the oldest one if the table is full.
func (s *rateShard) findOrAdd(c Client, at time.Duration) *bucket {
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
	b, sentinel := &s.buckets[i], &s.buckets[0]
	b.newer, b.older = 0, sentinel.older
	s.buckets[sentinel.older].newer = i
	sentinel.older = i
	return b
}

// unlink removes bucket i from the list.
func (s *rateShard) unlink(i int32) {
	b := &s.buckets[i]
	s.buckets[b.older].newer = b.newer
	s.buckets[b.newer].older = b.older
}
