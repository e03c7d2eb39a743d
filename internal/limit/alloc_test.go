//go:build !race

package limit

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestNothingAllocates(t *testing.T) {
	f := func(name string, run func()) {
		t.Helper()
		if allocs := testing.AllocsPerRun(1000, run); allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
	now := time.Now()
	v4, v6 := netip.MustParseAddr("::ffff:198.51.100.7"), netip.MustParseAddr("2001:db8::1%eth0")
	f("AddressClient", func() { AddressClient(v4); AddressClient(v6) })
	f("SubjectClient", func() { SubjectClient("00000000-1111-2222-3333-444444444444") })

	peer, forwardedFor := benchForwardedFor()
	f("ClientAddress", func() { trusted.ClientAddress(peer, forwardedFor) })

	r := newTestRates(1, 10, 100)
	f("Charge", func() { r.Charge(1, 1, now); r.Charge(2, 11, now) })
	f("ChargeUpTo", func() { r.Adjust(3, r.rate, -r.ChargeUpTo(3, r.rate, 5, now), now) })

	keys := NewTagKeys(2)
	keys.Confirm([]uint64{HashTagKey([]byte("env"))})
	f("Reserve", func() { keys.Reserve(HashTagKey([]byte("env"))) })

	s := NewSeries(2)
	name, tags := []byte("some.key.name"), []byte("env=prod,locale=en-us")
	f("Admit", func() {
		now = now.Add(time.Minute / 4)
		s.Admit(HashSeries(name, tags), now)
		s.Admit(HashSeries(name, nil), now)
		s.Admit(HashSeries(tags, name), now)
	})

	c := NewConns(3, 2, trusted)
	f("Open", func() {
		if c.Open(v4) && c.Open(v6) {
			c.Close(v4)
			c.Close(v6)
		}
	})
}

// heapGrowth returns the bytes by which the heap grows during run. It keeps the
// result of run in memory until it has measured.
func heapGrowth(run func() any) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	kept := run()
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc)
}

func TestMemoryIsBounded(t *testing.T) {
	f := func(what string, n, bound int64, run func() any) {
		t.Helper()
		bytes := heapGrowth(run) / n
		t.Logf("%s: %d bytes for each of %d", what, bytes, n)
		if bytes > bound {
			t.Errorf("%s: got %d bytes for each of %d, want at most %d", what, bytes, n, bound)
		}
	}
	f("300,000 clients", DefaultClients, 100, func() any {
		r := newTestRates(1, 10, DefaultClients)
		for range 3 * DefaultClients {
			r.Charge(Client(rand.Uint64()), 1, r.start)
		}
		return r
	})
	const maxSeries = 100_000
	f("a million series", maxSeries, 16, func() any {
		s := NewSeries(maxSeries)
		name := []byte("made.up.names.00000000")
		admitted := 0
		for i := range 10 * maxSeries {
			name = fmt.Appendf(name[:0], "made.up.names.%08d", i)
			if ok, _ := s.Admit(HashSeries(name, nil), s.start.Add(time.Duration(i)*100*time.Microsecond)); ok { // 100 s in all
				admitted++
			}
		}
		if admitted != maxSeries {
			t.Errorf("%d series are admitted, want %d", admitted, maxSeries)
		}
		return s
	})
	const conns = 1000
	f("100,000 connections", conns, 100, func() any {
		c := NewConns(conns, 1, nil)
		var open [conns]netip.Addr
		for i := range 100 * conns {
			addr := &open[i%conns]
			if addr.IsValid() {
				c.Close(*addr)
			}
			*addr = netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
			if !c.Open(*addr) {
				t.Fatalf("connection %d is rejected", i)
			}
		}
		return c
	})
}

func benchForwardedFor() (peer netip.Addr, forwardedFor [][]byte) {
	return netip.MustParseAddr("10.0.0.1"), [][]byte{[]byte("1.1.1.1, 2001:db8::1"), []byte("[fd00::1]:80, 10.0.0.2:5678")}
}

func BenchmarkClientAddress(b *testing.B) {
	f := func(name string, peer netip.Addr, forwardedFor [][]byte) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				trusted.ClientAddress(peer, forwardedFor)
			}
		})
	}
	peer, forwardedFor := benchForwardedFor()
	f("direct", netip.MustParseAddr("198.51.100.7"), forwardedFor)
	f("one-proxy", peer, forwardedFor[:1])
	f("three-proxies", peer, forwardedFor)
}

func BenchmarkCharge(b *testing.B) {
	var clients [DefaultClients]Client
	for i := range clients {
		clients[i] = Client(rand.Uint64())
	}
	r := newTestRates(10, 100, len(clients))
	now := time.Now()
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Charge(clients[0], 1, now)
		}
	})
	b.Run("many", func(b *testing.B) {
		var turns atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := int(turns.Add(30_000)); pb.Next(); i++ {
				r.Charge(clients[i%len(clients)], 1, now)
			}
		})
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Charge(Client(rand.Uint64()), 1, now)
		}
	})
}

func BenchmarkAdmit(b *testing.B) {
	for _, max := range []int{1000, 1_000_000} {
		s := NewSeries(max)
		var hashes []uint64
		for range 2 * max {
			hashes = append(hashes, rand.Uint64())
		}
		for _, hash := range hashes {
			s.Admit(hash, s.start)
		}
		f := func(name string, hashes []uint64) {
			b.Run(fmt.Sprintf("%s-of-%d", name, max), func(b *testing.B) {
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for i := rand.IntN(max); pb.Next(); i++ {
						s.Admit(hashes[i%max], s.start)
					}
				})
			})
		}
		f("known", hashes[:max])
		f("rejected", hashes[max:])
	}
	name, tags := []byte("some.key.name"), []byte("env=prod,locale=en-us")
	b.Run("hash", func(b *testing.B) {
		for b.Loop() {
			HashSeries(name, tags)
		}
	})
}

// BenchmarkMinute measures the first call of Admit in a minute, with room for ten
// million series. Half of the series in its shard are forgotten.
func BenchmarkMinute(b *testing.B) {
	const known = 10_000_000
	s := NewSeries(known)
	hashes := make([]uint64, known/maxSeriesShards)
	for i := range hashes {
		hashes[i] = rand.Uint64() >> 8 // in the first shard
	}
	now := s.start
	admit := func(hashes []uint64) {
		for _, hash := range hashes {
			s.Admit(hash, now)
		}
	}
	for b.Loop() {
		b.StopTimer()
		admit(hashes)
		now = now.Add(time.Minute)
		admit(hashes[len(hashes)/2:])
		now = now.Add(time.Minute)
		b.StartTimer()
		admit(hashes[:1])
	}
}
