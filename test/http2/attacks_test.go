package http2

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/testutil"
)

const (
	attackTime = 2 * time.Second

	maxPeak    = 100 << 20 // bytes of memory
	maxLatency = 50 * time.Millisecond
)

// The test accepts more than the benchmark, because a busy machine delays requests, too:
// it adds a multiple of what a client of another proxy sees at the same time, and attacks
// again if that is not enough.
const (
	maxTestLatency = 5 * maxLatency
	controlFactor  = 5
	maxAttempts    = 3
)

// result is what an attack has done.
type result struct {
	latency time.Duration // of the well-behaved client
	control time.Duration // of a client of another proxy
	peak    int           // bytes of memory of the proxy
	endings map[string]int
}

func (r *result) String() string {
	return fmt.Sprintf("p99 %v (of another proxy %v), at most %.1f MiB, connections %v",
		r.latency.Round(10*time.Microsecond), r.control.Round(10*time.Microsecond), float64(r.peak)/(1<<20), r.endings)
}

// measure attacks a proxy of its own.
func (k *attack) measure(t testing.TB) *result {
	t.Helper()
	start := func() *testutil.Proxy { // long timeouts are the worst case
		return testutil.StartMeasuredSecureProxy(t, "--statsd-port="+testutil.StartSink(t),
			"--http-timeout-read=30", "--http-timeout-write=30", "--http-timeout-idle=75")
	}
	proxy, other := start(), start()
	steady, control := startSteadyClient(t, proxy), startSteadyClient(t, other)
	stop := make(chan struct{})
	time.AfterFunc(attackTime, func() { close(stop) })
	r := &result{endings: k.run(t, proxy, stop)}
	<-stop
	r.latency, r.control = steady.end(t), control.end(t)
	r.peak = proxy.Memory(t, testutil.PeakMemory)
	proxy.MustSend(t, "/count/after", "value=1")
	return r
}

// check fails the test if the proxy has not ended the attack as it has to, or has taken too
// much memory.
func (k *attack) check(t testing.TB, r *result) {
	t.Helper()
	ended := 0
	for ending, count := range r.endings {
		switch {
		case ending == http2.ErrCodeEnhanceYourCalm.String(), k.code != http2.ErrCodeNo && ending == k.code.String():
			ended += count
		case ending != stayedOpen || !k.mayStay && !k.reconnects:
			t.Errorf("%d connections of the attack: %s, want GOAWAY with ENHANCE_YOUR_CALM", count, ending)
		}
	}
	if ended < k.conns && !k.mayStay {
		t.Errorf("%d connections of the attack have ended with GOAWAY, want at least %d", ended, k.conns)
	}
	if r.peak > maxPeak {
		t.Errorf("the proxy took %d bytes of memory, want at most %d", r.peak, maxPeak)
	}
}

// TestAttacksHarmNobody sends each attack for two seconds while a well-behaved client sends
// metrics.
func TestAttacksHarmNobody(t *testing.T) {
	for i := range attacks {
		k := &attacks[i]
		t.Run(k.name, func(t *testing.T) {
			for attempt := 1; ; attempt++ {
				r := k.measure(t)
				t.Log(r)
				k.check(t, r)
				limit := maxTestLatency + controlFactor*r.control
				if r.latency <= limit {
					break
				}
				if attempt == maxAttempts {
					t.Fatalf("the 99th percentile of the well-behaved client is %v, want at most %v", r.latency, limit)
				}
			}
		})
	}
}

// BenchmarkAttacks is for an otherwise idle machine:
//
//	go test ./test/http2 -run '^$' -bench Attacks -benchtime 1x
func BenchmarkAttacks(b *testing.B) {
	for i := range attacks {
		k := &attacks[i]
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				r := k.measure(b)
				k.check(b, r)
				if r.latency > maxLatency {
					b.Errorf("%v, want a p99 of at most %v", r, maxLatency)
				}
				b.ReportMetric(float64(r.latency)/float64(time.Millisecond), "p99-ms")
				b.ReportMetric(float64(r.control)/float64(time.Millisecond), "other-p99-ms")
				b.ReportMetric(float64(r.peak)/(1<<20), "MiB")
			}
		})
	}
}
