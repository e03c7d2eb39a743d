package exchange

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestStatsAddUpOverShards(t *testing.T) {
	s := NewStats()
	const conns = 3 * maxStatsShards
	for range conns {
		shard := s.Shard()
		shard.CountRequest(RouteCount, 200, 10)
		shard.CountRequest(RouteBatch, 400, 0)
		shard.CountRequest(RouteBatch, 299, 5)
		shard.ObserveDuration(time.Millisecond)
		shard.AddActive(2)
		shard.AddActive(-1)
	}
	got := s.Snapshot()
	if got.BodyBytes != 15*conns || got.Active != conns || math.Abs(got.Seconds-conns*0.001) > 1e-9 {
		t.Errorf("got %d bytes, %d active, %v s", got.BodyBytes, got.Active, got.Seconds)
	}
	series := 0
	got.Requests(func(route Route, code int, n uint64) {
		series++
		want := uint64(0)
		switch {
		case route == RouteCount && code == 200, route == RouteBatch && code == 400, route == RouteBatch && code == otherCode:
			want = conns
		}
		if n != want {
			t.Errorf("%s %d: got %d requests, want %d", route, code, n, want)
		}
	})
	if want := int(numRoutes) * (len(codes) + 1); series != want {
		t.Errorf("got %d series, want %d", series, want)
	}
}

func TestDurationsFallIntoBuckets(t *testing.T) {
	f := func(d time.Duration, want int) {
		t.Helper()
		s := NewStats()
		s.Shard().ObserveDuration(d)
		buckets := s.Snapshot().Buckets
		if got := slices.Index(buckets[:], 1); got != want {
			t.Errorf("%s: got bucket %d, want %d", d, got, want)
		}
	}
	f(-time.Second, 0)
	f(0, 0)
	f(100*time.Microsecond, 0)
	f(100*time.Microsecond+1, 1)
	f(time.Millisecond, 3)
	f(5*time.Second, len(DurationBuckets)-1)
	f(5*time.Second+1, len(DurationBuckets))
}

func TestCodesAreSorted(t *testing.T) {
	if !slices.IsSorted(codes[:]) || codes[0] != 200 {
		t.Errorf("codes are not sorted: %v", codes)
	}
}
