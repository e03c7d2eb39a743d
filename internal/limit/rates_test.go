package limit

import (
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestCharge(t *testing.T) {
	r := newTestRates(10, 5, 100)
	if r.rate.Burst() != 5 {
		t.Errorf("got burst %d, want 5", r.rate.Burst())
	}
	f := func(at time.Duration, client Client, n int, want time.Duration) {
		t.Helper()
		if wait, ok := r.Charge(client, n, r.start.Add(at)); wait != want || ok != (want == 0) {
			t.Errorf("at %v, %d metrics of client %d: got wait %v, %v, want wait %v", at, n, client, wait, ok, want)
		}
	}
	const ms = time.Millisecond
	f(0, 1, 5, 0)
	f(0, 1, 1, 100*ms)
	f(0, 1, 5, 500*ms)
	f(0, 2, 4, 0) // another client
	f(0, 2, 2, 100*ms)
	f(0, 2, 1, 0) // the rejected batch was not charged
	f(30*ms, 1, 1, 70*ms)
	f(100*ms-1, 1, 1, 1)
	f(100*ms, 1, 1, 0)
	f(400*ms, 1, 4, 100*ms)
	f(400*ms, 1, 3, 0)
	f(time.Hour, 1, 5, 0) // the bucket holds no more than the burst
	f(time.Hour, 1, 1, 100*ms)

	f(time.Hour, 1, 0, 0)
	f(time.Hour, 1, -1, 0)
	f(time.Hour, 1, math.MinInt, 0)
	f(time.Hour, 1, 6, Never)
	f(time.Hour, 1, math.MaxInt, Never)
	f(time.Hour, 3, 6, Never)
	f(time.Hour, 3, 5, 0)
}

// TestChargeAsCounted compares Rates with a model that counts tokens. At ten
// tokens a second and in steps of 100 ms, all numbers are integers.
func TestChargeAsCounted(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	const burst, clients = 20, 8
	r := newTestRates(10, burst, clients)
	var tokens, seen [clients]int
	for c := range tokens {
		tokens[c] = burst
	}
	for step, now := 0, 0; step < 100_000; step++ {
		now += random.IntN(4) / 2
		c, n := random.IntN(clients), 1+random.IntN(burst)
		tokens[c] = min(burst, tokens[c]+now-seen[c])
		seen[c] = now
		want := max(0, time.Duration(n-tokens[c])*100*time.Millisecond)
		wait, ok := r.Charge(Client(c), n, r.start.Add(time.Duration(now)*100*time.Millisecond))
		if wait != want || ok != (want == 0) {
			t.Fatalf("seed %d, step %d: client %d is charged %d of %d: got wait %v, %v, want wait %v", seed, step, c, n, tokens[c], wait, ok, want)
		}
		if ok {
			tokens[c] -= n
		}
	}
}

func TestClockGoesBack(t *testing.T) {
	r := newTestRates(10, 5, 100)
	base := r.start.Add(time.Hour)
	r.Charge(1, 5, base)
	passed := 0
	for i := range 1000 { // as from two goroutines, one with an older time
		for _, at := range []time.Duration{0, -50 * time.Millisecond} {
			if _, ok := r.Charge(1, 1, base.Add(at+time.Duration(i)*time.Millisecond)); ok {
				passed++
			}
		}
	}
	if passed != 9 {
		t.Errorf("%d metrics are accepted in 999 ms, want 9", passed)
	}

	f := func(at, limit time.Duration) {
		t.Helper()
		if wait, ok := r.Charge(1, 1, base.Add(at)); ok || wait > limit {
			t.Errorf("at %v: got wait %v, %v, want at most %v", at, wait, ok, limit)
		}
	}
	f(-100*time.Millisecond, 2*time.Second)
	f(-time.Hour, 100*time.Millisecond) // as after a burst
	if _, ok := r.Charge(1, 5, base.Add(-time.Hour+500*time.Millisecond)); !ok {
		t.Error("the bucket is not refilled after the clock was set back")
	}
}

func TestExtremeRates(t *testing.T) {
	f := func(perSecond float64, burst int) {
		t.Helper()
		r := newTestRates(perSecond, burst, 1)
		now := r.start.Add(time.Hour)
		for range 3 {
			if wait, ok := r.Charge(1, burst, now); !ok {
				t.Errorf("%v a second, burst %d: a full bucket is rejected, wait %v", perSecond, burst, wait)
			}
			wait, ok := r.Charge(1, burst, now)
			if ok != (wait == 0) || ok != (perSecond > 1e9) || wait < 0 || wait > maxRefillTime {
				t.Errorf("%v a second, burst %d: an empty bucket: got wait %v, %v", perSecond, burst, wait, ok)
			}
			now = now.Add(wait)
		}
	}
	f(1e-12, 1)
	f(1e-12, math.MaxInt32)
	f(1, math.MaxInt)
	f(1.0/3, 7)
	f(1e9, 1)
	f(1e300, math.MaxInt)
	f(math.Inf(1), 1)
	f(math.SmallestNonzeroFloat64, 1)
}

func TestForgottenClientIsFull(t *testing.T) {
	r := newTestRates(1, 2, 3)
	f := func(client Client, want bool) {
		t.Helper()
		if _, ok := r.Charge(client, 2, r.start); ok != want {
			t.Errorf("client %d is accepted: %v, want %v", client, ok, want)
		}
	}
	f(1, true)
	f(2, true)
	f(3, true)
	f(1, false) // a rejected client was seen too
	f(4, true)  // replaces 2
	f(1, false)
	f(3, false)
	f(4, false)
	f(2, true) // replaces 1
	f(3, false)
	f(1, true)
}

func TestClientKeepsItsLimitAmongManyOthers(t *testing.T) {
	r := newTestRates(10, 20, DefaultClients)
	client := SubjectClient("script")
	passed := 0
	for i := range 250_000 { // one second, with a new client every 4 µs
		now := r.start.Add(time.Duration(i) * 4 * time.Microsecond)
		if _, ok := r.Charge(Client(rand.Uint64()), 20, now); !ok {
			t.Fatal("a new client is rejected")
		}
		if i%100 == 0 {
			if _, ok := r.Charge(client, 1, now); ok {
				passed++
			}
		}
	}
	if passed != 29 {
		t.Errorf("%d metrics are accepted, want the burst of 20 and 9 that were refilled", passed)
	}
	kept := 0
	for i := range r.shards {
		s := &r.shards[i]
		if len(s.index) != len(s.buckets)-1 {
			t.Errorf("%d clients have %d buckets", len(s.index), len(s.buckets)-1)
		}
		kept += len(s.index)
	}
	if kept != DefaultClients {
		t.Errorf("%d clients are stored, want %d", kept, DefaultClients)
	}
}

func TestChargeInParallel(t *testing.T) {
	const clients, burst, goroutines = 300, 50, 8
	r := newTestRates(1, burst, clients)
	var passed [clients]atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := range clients * burst / 2 {
				if _, ok := r.Charge(Client(i%clients), 2, r.start); ok {
					passed[i%clients].Add(2)
				}
			}
		})
	}
	all.Wait()
	for i := range passed {
		if n := passed[i].Load(); n != burst {
			t.Errorf("client %d: %d metrics are accepted, want %d", i, n, burst)
		}
	}
}
