package limit

import (
	"math"
	"sync"
	"time"
)

// DefaultClients is how many clients Rates is meant to remember. That takes
// some 7 MB, the more of them the more clients there have been.
const DefaultClients = 100_000

// Never is how long to wait for what does not pass at any time.
const Never time.Duration = math.MaxInt64

// Rates holds each client to a number of metrics a second. A client has a
// bucket of burst tokens, filled at that rate; a metric takes one of them.
//
// It remembers so many clients; the one that was away for longest is forgotten
// for a new one, and starts with a full bucket if it comes back. That is what
// it would have had anyway once burst/perSecond seconds have passed.
type Rates struct {
	start  time.Time
	burst  int
	each   float64       // nanoseconds in which a token comes in
	fill   time.Duration // in which all of them do
	shards []rateShard
}

// maxFill is the longest time a bucket may take to fill, some 36 years; the
// rate is raised to that, so that sums of times do not overflow.
const maxFill time.Duration = 1 << 60

// rateShards is how many parts a large table has, each with a lock, and
// shardClients how many clients a part has room for at least: with few clients
// chance would fill one part before the others.
const (
	rateShards   = 16
	shardClients = 4096
)

// NewRates returns Rates of perSecond metrics, above 0, and a burst of at least
// 1, that remember up to maxClients clients, at least 1. One part of a large
// table is full a little before the others are.
func NewRates(perSecond float64, burst, maxClients int) *Rates {
	r := &Rates{
		start:  time.Now(),
		burst:  burst,
		each:   min(1e9/perSecond, float64(maxFill)/float64(burst)),
		shards: make([]rateShard, max(1, min(rateShards, maxClients/shardClients))),
	}
	r.fill = r.cost(burst)
	for i := range r.shards {
		s := &r.shards[i]
		s.index = make(map[Client]int32)
		s.buckets = make([]bucket, 1, 1+maxClients/len(r.shards))
	}
	return r
}

// Burst returns how many metrics a client may send at once.
func (r *Rates) Burst() int { return r.burst }

// cost is the time in which n tokens come in.
func (r *Rates) cost(n int) time.Duration { return time.Duration(float64(n) * r.each) }

// Take takes n metrics from the client's bucket at the time now. If there are
// too few it takes none and returns how long it will be until there are enough,
// unless others are taken meanwhile; Never if n is above the burst. Time that
// goes back brings nothing in.
func (r *Rates) Take(c Client, n int, now time.Time) (wait time.Duration, ok bool) {
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
	if b.full > at+2*r.fill {
		b.full = at + r.fill // the clock was set back: nobody waits for it to catch up
	}
	full := max(b.full, at) + r.cost(n)
	if wait = full - at - r.fill; wait > 0 {
		return wait, false
	}
	b.full = full
	return 0, true
}

// bucket is a client's bucket.
type bucket struct {
	client Client

	// full is when the bucket will be full, since the start of Rates; one
	// number that says both how many tokens there are and as of when.
	full time.Duration

	newer, older int32 // where the clients seen next and before stand
}

// rateShard is a part of the clients, in a ring by when they were seen last.
type rateShard struct {
	mu      sync.Mutex
	index   map[Client]int32 // where each client's bucket stands
	buckets []bucket         // the first one only joins the ring's ends: older than all, newer than all
}

// bucket returns the bucket of c, seen at the time at.
func (s *rateShard) bucket(c Client, at time.Duration) *bucket {
	i, ok := s.index[c]
	switch {
	case ok:
		s.unlink(i)
	case len(s.buckets) < cap(s.buckets):
		i = int32(len(s.buckets))
		s.buckets = append(s.buckets, bucket{client: c, full: at})
		s.index[c] = i
	default:
		i = s.buckets[0].newer
		s.unlink(i)
		delete(s.index, s.buckets[i].client)
		s.buckets[i] = bucket{client: c, full: at}
		s.index[c] = i
	}
	b, ends := &s.buckets[i], &s.buckets[0]
	b.newer, b.older = 0, ends.older
	s.buckets[ends.older].newer = i
	ends.older = i
	return b
}

// unlink takes the bucket at i out of the ring.
func (s *rateShard) unlink(i int32) {
	b := &s.buckets[i]
	s.buckets[b.older].newer = b.newer
	s.buckets[b.newer].older = b.older
}
