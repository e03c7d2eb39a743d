package clients

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

const (
	// idleTimeout is the default of --http-timeout-idle.
	idleTimeout = time.Second
	// announcedTimeout is the shortest timeout that the proxy announces in responses.
	announcedTimeout = 3 * time.Second

	closedRequests = 6   // requests after pauses, with the default idle timeout
	keptRequests   = 3   // the same with 75 s
	obeyedRequests = 2   // requests after pauses, with announcedTimeout
	timedRequests  = 100 // requests of a client for the latency
	largeRequests  = 3   // requests with a body that is too large
	largeBody      = 8 << 20
)

// row is what the test has seen of a client.
type row struct {
	client  *client
	version string

	resetsByDefault, resetsWith75 int // of closedRequests and of keptRequests
	resetsAnnounced               int // of obeyedRequests
	p50, p99                      time.Duration
	rejected                      int // 413 responses, of largeRequests
}

// TestClients sends metrics with each client. The proxy must receive each metric whose
// request the client calls successful, and no other, exactly once.
func TestClients(t *testing.T) {
	statsd := testutil.StartFakeStatsD(t)
	byDefault := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	with75 := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-idle=75")
	announced := testutil.StartProxy(t, "--statsd-port="+statsd.Port, fmt.Sprintf("--http-timeout-idle=%s", announcedTimeout))
	link := func(proxy *testutil.Proxy) string { return "http://" + startRelay(t, proxy.Address) }
	linkByDefault, linkWith75, linkAnnounced := link(byDefault), link(with75), link(announced)

	var all []*driver
	for i := range clients {
		if c := &clients[i]; c.isThere(t) {
			all = append(all, c.start(t))
		}
	}
	var mu sync.Mutex
	var want []string // the lines of accepted metrics
	send := func(d *driver, url, kind string, i int) result {
		t.Helper()
		name := strings.NewReplacer(":", "_", "/", "_").Replace(fmt.Sprintf("%s.%s.%s.%d", d.client.language, d.client.name, kind, i))
		r := d.send(t, url+"/count/"+name, 0)
		switch r.status {
		case 200:
			mu.Lock()
			defer mu.Unlock()
			want = append(want, name+":1|c")
		case 0:
			t.Logf("%s %s, %s: %s", d.client.language, d.client.name, kind, r.problem)
		default:
			t.Errorf("%s %s, %s: got %d, want 200", d.client.language, d.client.name, kind, r.status)
		}
		return r
	}

	rows := make([]row, len(all))
	var running sync.WaitGroup
	for i, d := range all {
		d.waitReady(t)
		r := &rows[i]
		r.client, r.version = d.client, d.version
		running.Go(func() {
			r.resetsByDefault = sendPaused(closedRequests, idleTimeout, func(n int) result { return send(d, linkByDefault, "closed", n) })
			r.resetsWith75 = sendPaused(keptRequests, idleTimeout, func(n int) result { return send(d, linkWith75, "kept", n) })
		})
		if d.client.obeysKeepAlive {
			d := d.client.start(t)
			d.waitReady(t)
			running.Go(func() {
				r.resetsAnnounced = sendPaused(obeyedRequests, announcedTimeout, func(n int) result { return send(d, linkAnnounced, "announced", n) })
			})
		}
	}
	running.Wait()
	for i, d := range all {
		r := &rows[i]
		var spent []time.Duration
		for n := range timedRequests {
			if result := send(d, with75.URL, "timed", n); result.status == 0 {
				t.Errorf("%s %s: a request failed: %s", d.client.language, d.client.name, result.problem)
			} else {
				spent = append(spent, result.spent)
			}
		}
		slices.Sort(spent)
		if len(spent) > 0 {
			r.p50, r.p99 = spent[len(spent)/2], spent[len(spent)*99/100]
		}
		for range largeRequests {
			if result := d.send(t, with75.URL+"/count/large", largeBody); result.status == 413 {
				r.rejected++
			} else {
				t.Logf("%s %s, large body: got %d %s", d.client.language, d.client.name, result.status, result.problem)
			}
		}
		if r.resetsWith75 > 0 {
			t.Errorf("%s %s: %d requests failed although the proxy keeps connections for 75 s", d.client.language, d.client.name, r.resetsWith75)
		}
		if r.resetsAnnounced > 0 {
			t.Errorf("%s %s: %d requests failed although the proxy announced when it closes the connection", d.client.language, d.client.name, r.resetsAnnounced)
		}
	}
	for _, proxy := range []*testutil.Proxy{byDefault, with75, announced} {
		proxy.Stop(t)
	}
	got := statsd.All(t)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("StatsD received %d metrics, and clients saw %d accepted ones: %s", len(got), len(want), difference(got, want))
	}
	checkTable(t, rows)
}

// sendPaused sends a request and count more over the link, and returns how many of them
// failed. Its pauses are such that a proxy with that idle timeout closes the connection
// while the next request is on its way.
//
//	proxy     response . . . . . . . . close
//	             \                   /    \
//	client        received . . . send      learns of the close
func sendPaused(count int, timeout time.Duration, send func(n int) result) (failed int) {
	for n := range count + 1 {
		result := send(n)
		received := time.Now() // the proxy has sent its response linkDelay before
		if result.status == 0 {
			failed++
		}
		// The proxy closes the connection up to an eighth later than the timeout says.
		time.Sleep(time.Until(received.Add(timeout + timeout/8 - linkDelay)))
	}
	return failed
}

// difference returns some of the strings that only one of two sorted lists has.
func difference(got, want []string) string {
	var all []string
	for _, line := range got {
		if _, found := slices.BinarySearch(want, line); !found {
			all = append(all, "+"+line)
		}
	}
	for _, line := range want {
		if _, found := slices.BinarySearch(got, line); !found {
			all = append(all, "-"+line)
		}
	}
	return strings.Join(all[:min(len(all), 20)], " ")
}
