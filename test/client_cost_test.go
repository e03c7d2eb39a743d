package test

import (
	"fmt"
	"testing"
	"time"
)

const (
	frame = time.Second / 60

	// most is what a call may cost of a frame's time, so that a page may make
	// one wherever it likes.
	most = frame / 20
)

func TestClientTakesTenThousandCallsAtOnce(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q }`, watch.url))
	const calls = 10_000
	var spent float64 // ms
	page.run(t, &spent, fmt.Sprintf(`
		const start = performance.now();
		for (let i = 0; i < %d; i++) { statsd.increment('clicks'); }
		const spent = performance.now() - start;
		await statsd.flush();
		return spent`, calls))
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	if got := statsd.heldInTheEnd(t, proxy).Counters["clicks"]; got != calls {
		t.Errorf("clicks that StatsD counted: got %g, want %d", got, calls)
	}
	each := time.Duration(spent / calls * float64(time.Millisecond))
	t.Logf("%d calls: %s each, %.3f %% of a frame; %d requests", calls, each, 100*float64(each)/float64(frame), len(watch.seen()))
	if each > most {
		t.Errorf("a call takes %s, want at most %s", each, most)
	}
}

// Calls whose lines are all different are the dear ones.
func TestClientTakesTenThousandDifferentCallsAtOnce(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-network=tcp", "--statsd-port="+statsd.port) // of UDP, StatsD may lose some of so many at once
	watch := startWatch(t, proxy)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, prefix: 'shop.', tags: { env: 'prod' } }`, watch.url))
	const calls = 10_000
	var spent float64 // ms
	page.run(t, &spent, fmt.Sprintf(`
		const start = performance.now();
		for (let i = 0; i < %d; i++) { statsd.timing('load', i, 1, { page: 'page-' + i %% 10 }); }
		const spent = performance.now() - start;
		await statsd.flush();
		return spent`, calls))
	page.mustBeTold(t)
	statsd.waitFor(t, calls)
	held := statsd.heldInTheEnd(t, proxy)
	sum, n := 0.0, 0
	for _, times := range held.Timers {
		n += len(times)
		for _, ms := range times {
			sum += ms
		}
	}
	if want := float64(calls * (calls - 1) / 2); n != calls || sum != want || len(held.Timers) != 10 {
		t.Errorf("StatsD has %d times of %d names, in all %g, want %d of 10, in all %g", n, len(held.Timers), sum, calls, want)
	}
	each := time.Duration(spent / calls * float64(time.Millisecond))
	t.Logf("%d calls: %s each, %.3f %% of a frame; %d requests", calls, each, 100*float64(each)/float64(frame), len(watch.seen()))
	if each > most {
		t.Errorf("a call takes %s, want at most %s", each, most)
	}
}
