package exchange

import (
	"math"
	"runtime"
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

// TestShardsAreAsManyAsProcessors checks the number of shards, and that connections are
// spread over all of them.
func TestShardsAreAsManyAsProcessors(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for processors, want := range map[int]int{1: 1, 2: 2, 3: 4, 4: 4, 5: 8, 16: 16, 17: 16, 40: 16} {
		runtime.GOMAXPROCS(processors)
		s := NewStats()
		uses := make(map[*StatsShard]int)
		for range 3 * want {
			uses[s.Shard()]++
		}
		for _, n := range uses {
			if n != 3 {
				t.Errorf("%d processors: %d connections share a shard, want 3", processors, n)
			}
		}
		if len(uses) != want {
			t.Errorf("%d processors: %d shards, want %d", processors, len(uses), want)
		}
	}
}

func TestRoutesHaveNames(t *testing.T) {
	for route, want := range map[Route]string{RouteOther: "other", RouteCount: "count", RouteDistribution: "distribution", RouteBatch: "batch", RouteHeartbeat: "heartbeat", RoutePreflight: "preflight"} {
		if got := route.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestEachCodeIsCounted answers a request with each status.
func TestEachCodeIsCounted(t *testing.T) {
	for status := 100; status < 600; status++ {
		s := NewStats()
		s.Shard().CountRequest(RouteGauge, status, 0)
		want := otherCode
		if slices.Contains(codes[:], status) {
			want = status
		}
		s.Snapshot().Requests(func(route Route, code int, n uint64) {
			if isCounted := route == RouteGauge && code == want; n > 1 || (n == 1) != isCounted {
				t.Errorf("status %d: %s %d is counted %d times", status, route, code, n)
			}
		})
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
	for i, seconds := range DurationBuckets {
		bound := time.Duration(math.Round(seconds * 1e9))
		f(bound, i)
		f(bound+1, i+1)
	}
	f(5*time.Second, len(DurationBuckets)-1)
	f(5*time.Second+1, len(DurationBuckets))
}

func TestCodesAreSorted(t *testing.T) {
	if !slices.IsSorted(codes[:]) || codes[0] != 200 {
		t.Errorf("codes are not sorted: %v", codes)
	}
}
