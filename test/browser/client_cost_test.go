package browser

import (
	"fmt"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

const (
	frame = time.Second / 60

	// maxCallTime is how long a call may take: a twentieth of a frame, so that a page may
	// call the client anywhere.
	maxCallTime = frame / 20
)

func TestClientHandlesTenThousandCallsAtOnce(t *testing.T) {
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q }`, recorder.url))
	const calls = 10_000
	var spent float64 // ms
	page.Run(t, &spent, fmt.Sprintf(`
		const start = performance.now();
		for (let i = 0; i < %d; i++) { statsd.increment('clicks'); }
		const spent = performance.now() - start;
		await statsd.flush();
		return spent`, calls))
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	if got := statsd.FlushAfter(t, proxy).Counters["clicks"]; got != calls {
		t.Errorf("clicks that StatsD counted: got %g, want %d", got, calls)
	}
	each := time.Duration(spent / calls * float64(time.Millisecond))
	t.Logf("%d calls: %s each, %.3f %% of a frame; %d requests", calls, each, 100*float64(each)/float64(frame), len(recorder.recorded()))
	if each > maxCallTime {
		t.Errorf("a call takes %s, want at most %s", each, maxCallTime)
	}
}

// The client cannot add up these calls, so they are the most expensive ones.
func TestClientHandlesTenThousandDifferentCallsAtOnce(t *testing.T) {
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-network=tcp", "--statsd-port="+statsd.Port) // over UDP, StatsD may lose lines
	recorder := startRecorder(t, proxy)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, prefix: 'shop.', tags: { env: 'prod' } }`, recorder.url))
	const calls = 10_000
	var spent float64 // ms
	page.Run(t, &spent, fmt.Sprintf(`
		const start = performance.now();
		for (let i = 0; i < %d; i++) { statsd.timing('load', i, 1, { page: 'page-' + i %% 10 }); }
		const spent = performance.now() - start;
		await statsd.flush();
		return spent`, calls))
	mustHaveReported(t, page)
	statsd.WaitFor(t, calls)
	metrics := statsd.FlushAfter(t, proxy)
	sum, n := 0.0, 0
	for _, times := range metrics.Timers {
		n += len(times)
		for _, ms := range times {
			sum += ms
		}
	}
	if want := float64(calls * (calls - 1) / 2); n != calls || sum != want || len(metrics.Timers) != 10 {
		t.Errorf("StatsD has %d times of %d names, in all %g, want %d of 10, in all %g", n, len(metrics.Timers), sum, calls, want)
	}
	each := time.Duration(spent / calls * float64(time.Millisecond))
	t.Logf("%d calls: %s each, %.3f %% of a frame; %d requests", calls, each, 100*float64(each)/float64(frame), len(recorder.recorded()))
	if each > maxCallTime {
		t.Errorf("a call takes %s, want at most %s", each, maxCallTime)
	}
}
