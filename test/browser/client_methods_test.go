package browser

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"

	"github.com/google/go-cmp/cmp"
)

// clientCalls has calls of each method of the client.
var clientCalls = []string{
	`statsd.increment('up')`,
	`statsd.increment('up', 4)`,
	`statsd.decrement('down')`,
	`statsd.decrement('down', 2)`,
	`statsd.count('items', 5)`,
	`statsd.count('items', 0.25)`,
	`statsd.count('sampled', 1, 0.5)`,
	`statsd.gauge('level', 7.5)`,
	`statsd.gauge('cold', 20)`,
	`statsd.gauge('cold', -5)`,
	`statsd.gauge('queue', 10)`,
	`statsd.gaugeDelta('queue', -3)`,
	`statsd.gaugeDelta('queue', 1.5)`,
	`statsd.timing('load', 320)`,
	`statsd.timing('load', 12.5)`,
	`statsd.timing('load.sampled', 250, 0.5)`,
	`statsd.set('users', 'alice')`,
	`statsd.set('users', 42)`,
	`statsd.set('users', 'alice')`,
	`statsd.increment('tagged', 1, { kind: 'book' })`,
	`statsd.increment('tagged', 1, 1, { kind: 'book' })`,
	`statsd.increment('tagged', { kind: 'book' })`,
	`statsd.increment('tagged', 1, { env: 'test' })`,
	`statsd.child({ prefix: 'cart.', tags: { part: 'cart' } }).increment('up', 3)`,
	`statsd.child({ tags: { part: 'cart' } }).child({ prefix: 'deep.' }).gauge('level', 1, { part: 'own' })`,
}

// clientMetrics is what StatsD has after clientCalls. The proxy sorts the tags.
var clientMetrics = testutil.EtsyMetrics{
	Counters: map[string]float64{
		"shop.up;env=prod":                3 + 2,
		"shop.down;env=prod":              -3,
		"shop.items;env=prod":             5.25,
		"shop.sampled;env=prod":           2,
		"shop.tagged;env=prod;kind=book":  3,
		"shop.tagged;env=test":            1,
		"shop.cart.up;env=prod;part=cart": 3,
	},
	Gauges: map[string]float64{
		"shop.level;env=prod":               7.5,
		"shop.cold;env=prod":                -5,
		"shop.queue;env=prod":               8.5,
		"shop.deep.level;env=prod;part=own": 1,
	},
	Timers: map[string][]float64{
		"shop.load;env=prod":         {12.5, 320},
		"shop.load.sampled;env=prod": {250},
	},
	TimerCounts: map[string]float64{
		"shop.load;env=prod":         2,
		"shop.load.sampled;env=prod": 2,
	},
	Sets: map[string][]string{"shop.users;env=prod": {"42", "alice"}},
}

func TestEachMethodOfTheClientArrives(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartEtsyStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--tag-format=graphite")
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, prefix: 'shop.', tags: { env: 'prod' } }`, proxy.URL))
	// With this random number the client samples out no call.
	page.Run(t, nil, `Math.random = () => 0; `+strings.Join(clientCalls, "; ")+`; await statsd.flush()`)
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	if diff := cmp.Diff(clientMetrics, statsd.FlushAfter(t, proxy)); diff != "" {
		t.Errorf("StatsD flushes (-want +got):\n%s", diff)
	}
}

func TestClientTimesPromisesAndFunctions(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q }`, proxy.URL))
	var got []any
	page.Run(t, &got, `
		const seen = [];
		const fail = async () => { throw new Error('failed') };
		seen.push(await statsd.time('promise', Promise.resolve(1)));
		seen.push(await statsd.time('async', async () => 2));
		seen.push(await statsd.time('sync', () => 3));
		await statsd.time('rejected', fail()).catch((error) => seen.push(error.message));
		await statsd.time('failed', fail).catch((error) => seen.push(error.message));
		try {
			await statsd.time('thrown', () => { throw new Error('thrown') });
		} catch (error) {
			seen.push(error.message);
		}
		seen.push(await statsd.time('waited', new Promise((done) => setTimeout(done, 50))) ?? null);
		statsd.timing('since', new Date(Date.now() - 1000));
		await statsd.flush();
		return seen`)
	if diff := cmp.Diff([]any{1.0, 2.0, 3.0, "failed", "failed", "thrown", nil}, got); diff != "" {
		t.Errorf("results of time (-want +got):\n%s", diff)
	}
	mustHaveReported(t, page)
	page.MustHaveNoUncaughtErrors(t)
	proxy.Stop(t)
	var names []string
	spent := map[string]float64{}
	for _, line := range statsd.All(t) {
		var ms float64
		name, value, _ := strings.Cut(line, ":")
		if _, err := fmt.Sscanf(value, "%g|ms", &ms); err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		names = append(names, name)
		spent[name] = ms
	}
	slices.Sort(names)
	want := strings.Fields("async failed promise rejected since sync thrown waited")
	if !slices.Equal(names, want) {
		t.Errorf("timings that arrived: got %q, want %q", names, want)
	}
	// Browsers round their clocks.
	if spent["waited"] < 45 || spent["since"] < 1000 {
		t.Errorf("times: got %g and %g ms, want at least 50 and 1000", spent["waited"], spent["since"])
	}
}

// Etsy's StatsD would store histograms as counters, so this test has a fake one.
func TestHistogramsAndDistributionsOfTheClientArrive(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--histograms", "--tag-format=dogstatsd")
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q }`, proxy.URL))
	page.Run(t, nil, `
		Math.random = () => 0;
		statsd.histogram('size', 12.5);
		statsd.distribution('length', 320, 0.25, { kind: 'book' });
		await statsd.flush()`)
	mustHaveReported(t, page)
	statsd.MustHaveReceived(t, proxy, "size:12.5|h", "length:320|d|@0.25|#kind:book")
}

func TestClientSendsSampledCallsWithTheirRate(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	page := openClient(t, testutil.StartChromium(t), fmt.Sprintf(`{ url: %q, sampleRate: 0.5 }`, proxy.URL))
	const calls = 400
	page.Run(t, nil, fmt.Sprintf(`
		for (let i = 0; i < %d; i++) {
			statsd.increment('half');
			statsd.increment('quarter', 1, 0.25);
		}
		statsd.gauge('all', 1);
		await statsd.flush()`, calls))
	proxy.Stop(t)
	// The client adds up equal counts in one line.
	sums := map[string]int{}
	for _, line := range statsd.All(t) {
		name, value, _ := strings.Cut(line, ":")
		value, mark, _ := strings.Cut(value, "|")
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		sums[name+"|"+mark] += n
	}
	half, quarter := sums["half|c|@0.5"], sums["quarter|c|@0.25"]
	// The limits are six standard deviations from the mean.
	if half < 140 || half > 260 || quarter < 48 || quarter > 152 {
		t.Errorf("of %d calls at rates 0.5 and 0.25: got %d and %d, want about %d and %d", calls, half, quarter, calls/2, calls/4)
	}
	if want := map[string]int{"half|c|@0.5": half, "quarter|c|@0.25": quarter, "all|g": 1}; !cmp.Equal(sums, want) {
		t.Errorf("what StatsD received: got %v, want %v", sums, want)
	}
}
