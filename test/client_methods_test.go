package test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// clientCalls is each method of the client, as a page calls it.
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

// clientHeld is what StatsD holds after all of them: a metric's own tags stand
// before those of the client.
var clientHeld = etsyMetrics{
	Counters: map[string]float64{
		"shop.up;env=prod":                3 + 2,
		"shop.down;env=prod":              -3,
		"shop.items;env=prod":             5.25,
		"shop.sampled;env=prod":           2,
		"shop.tagged;kind=book;env=prod":  3,
		"shop.tagged;env=test":            1,
		"shop.cart.up;env=prod;part=cart": 3,
	},
	Gauges: map[string]float64{
		"shop.level;env=prod":               7.5,
		"shop.cold;env=prod":                -5,
		"shop.queue;env=prod":               8.5,
		"shop.deep.level;part=own;env=prod": 1,
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

func TestClientMethodsArriveInStatsD(t *testing.T) {
	statsd := startEtsyStatsD(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--tag-format=graphite")
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, prefix: 'shop.', tags: { env: 'prod' } }`, proxy.url))
	// A call is kept or left out by chance, of which this test wants none.
	page.run(t, nil, `Math.random = () => 0; `+strings.Join(clientCalls, "; ")+`; await statsd.flush()`)
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	if diff := cmp.Diff(clientHeld, statsd.heldInTheEnd(t, proxy)); diff != "" {
		t.Errorf("StatsD flushes (-want +got):\n%s", diff)
	}
}

func TestClientTimesPromisesAndFunctions(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q }`, proxy.url))
	var got []any
	page.run(t, &got, `
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
		t.Errorf("what time handed on (-want +got):\n%s", diff)
	}
	page.mustBeTold(t)
	page.mustBeQuiet(t)
	proxy.Stop(t)
	var names []string
	spent := map[string]float64{}
	for _, line := range statsd.all(t) {
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
	// Clocks of browsers are coarse on purpose.
	if spent["waited"] < 45 || spent["since"] < 1000 {
		t.Errorf("times: got %g and %g ms, want at least 50 and 1000", spent["waited"], spent["since"])
	}
}

// Etsy StatsD would take histograms for counters.
func TestClientHistogramsAndDistributionsLeaveTheProxy(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--histograms", "--tag-format=dogstatsd")
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q }`, proxy.url))
	page.run(t, nil, `
		Math.random = () => 0;
		statsd.histogram('size', 12.5);
		statsd.distribution('length', 320, 0.25, { kind: 'book' });
		await statsd.flush()`)
	page.mustBeTold(t)
	statsd.mustHaveReceived(t, proxy, "size:12.5|h", "length:320|d|@0.25|#kind:book")
}

func TestClientLeavesOutAFractionAndMarksTheRest(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	page := startChromium(t).openClient(t, fmt.Sprintf(`{ url: %q, sampleRate: 0.5 }`, proxy.url))
	const calls = 400
	page.run(t, nil, fmt.Sprintf(`
		for (let i = 0; i < %d; i++) {
			statsd.increment('half');
			statsd.increment('quarter', 1, 0.25);
		}
		statsd.gauge('all', 1);
		await statsd.flush()`, calls))
	proxy.Stop(t)
	// Equal counts share a line, which says how many they are.
	sums := map[string]int{}
	for _, line := range statsd.all(t) {
		name, value, _ := strings.Cut(line, ":")
		value, mark, _ := strings.Cut(value, "|")
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		sums[name+"|"+mark] += n
	}
	half, quarter := sums["half|c|@0.5"], sums["quarter|c|@0.25"]
	// Six deviations of chance away from the mean.
	if half < 140 || half > 260 || quarter < 48 || quarter > 152 {
		t.Errorf("of %d calls at rates 0.5 and 0.25: got %d and %d, want about %d and %d", calls, half, quarter, calls/2, calls/4)
	}
	if want := map[string]int{"half|c|@0.5": half, "quarter|c|@0.25": quarter, "all|g": 1}; !cmp.Equal(sums, want) {
		t.Errorf("what StatsD received: got %v, want %v", sums, want)
	}
}
