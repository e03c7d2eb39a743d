package limit

import (
	"math"
	"testing"
	"time"
)

// testRates are Rates whose clients all have the same Rate.
type testRates struct {
	*Rates
	rate Rate
}

func newTestRates(perSecond float64, burst, maxClients int) *testRates {
	return &testRates{NewRates(maxClients), NewRate(perSecond, burst)}
}

func (r *testRates) Charge(c Client, n int, now time.Time) (wait time.Duration, ok bool) {
	return r.Rates.Charge(c, r.rate, n, now)
}

// TestChargeUpToAndAdjust charges a client as for a request whose cost becomes
// known step by step.
func TestChargeUpToAndAdjust(t *testing.T) {
	r := newTestRates(10, 5, 100)
	const ms = time.Millisecond
	charge := func(at time.Duration, n, want int) {
		t.Helper()
		if taken := r.ChargeUpTo(1, r.rate, n, r.start.Add(at)); taken != want {
			t.Errorf("at %v: ChargeUpTo(%d) returns %d, want %d", at, n, taken, want)
		}
	}
	adjust := func(at time.Duration, n int) { r.Adjust(1, r.rate, n, r.start.Add(at)) }
	charge(0, 3, 3)
	charge(0, 3, 2)
	charge(0, 1, 0)
	charge(100*ms, 3, 1)
	adjust(100*ms, -2) // gives two back
	charge(100*ms, 5, 2)
	adjust(100*ms, 3) // a debt of three
	charge(400*ms, 5, 0)
	charge(500*ms, 5, 1)
	charge(time.Hour, math.MaxInt, 5)
	adjust(time.Hour, -100) // no more than a full bucket
	charge(time.Hour, 100, 5)
	charge(time.Hour, 0, 0)
	charge(time.Hour, -1, 0)
	adjust(time.Hour, math.MaxInt) // the debt is at most two full buckets
	charge(time.Hour+1000*ms, 1, 0)
	charge(time.Hour+1100*ms, 2, 1)
	adjust(time.Hour+1100*ms, 11) // more than that
	charge(time.Hour+2100*ms, 1, 0)
	charge(time.Hour+2200*ms, 2, 1)
}

// TestChargeUpToAgreesWithCharge checks that rounding loses no token.
func TestChargeUpToAgreesWithCharge(t *testing.T) {
	for _, perSecond := range []float64{1.0 / 3, 7, 50, 1e6 / 7, 1e9, 1e12} {
		for _, burst := range []int{1, 7, 500, 1e6} {
			r := newTestRates(perSecond, burst, 100)
			half := burst / 2
			if _, ok := r.Charge(1, half, r.start); !ok {
				t.Fatalf("%v a second: %d of %d are rejected", perSecond, half, burst)
			}
			if taken := r.ChargeUpTo(1, r.rate, burst, r.start); taken < burst-half || perSecond < 1e9 && taken > burst-half {
				t.Errorf("%v a second: ChargeUpTo returns %d, want %d", perSecond, taken, burst-half)
			}
		}
	}
}

func TestDefaultBurstFollowsTheRate(t *testing.T) {
	f := func(perSecond float64, burst, want int) {
		t.Helper()
		if rate := NewRate(perSecond, burst); rate.Burst() != want {
			t.Errorf("rate %v, burst %d: got %d, want %d", perSecond, burst, rate.Burst(), want)
		}
	}
	f(100, 0, 1000)
	f(100, 50, 50)
	f(0.01, 0, 1)
	f(1e9, 0, maxDefaultBurst)
}
