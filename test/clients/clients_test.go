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

	pausedRequests = 8   // requests of a client after pauses
	timedRequests  = 100 // requests of a client for the latency
	largeRequests  = 3   // requests with a body that is too large
	largeBody      = 8 << 20
)

// row is what the test has seen of a client.
type row struct {
	client  *client
	version string

	resetsByDefault, resetsWith75 int // of pausedRequests
	p50, p99                      time.Duration
	rejected                      int // 413 responses, of largeRequests
}

// TestClients sends metrics with each client. The proxy must receive each metric whose
// request the client calls successful, and no other, exactly once.
func TestClients(t *testing.T) {
	statsd := testutil.StartFakeStatsD(t)
	byDefault := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	with75 := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-idle=75")
	linkByDefault, linkWith75 := "http://"+startRelay(t, byDefault.Address), "http://"+startRelay(t, with75.Address)

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
			r.resetsByDefault, r.resetsWith75 = sendPaused(func(url, kind string, i int) result {
				return send(d, url, kind, i)
			}, linkByDefault, linkWith75)
		})
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
	}
	byDefault.Stop(t)
	with75.Stop(t)
	got := statsd.All(t)
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("StatsD received %d metrics, and clients saw %d accepted ones: %s", len(got), len(want), difference(got, want))
	}
	checkTable(t, rows)
}

// sendPaused sends requests to two proxies, over the link, with pauses after which the
// request meets the end of the connection at the default idle timeout: it leaves the
// client before the client can know that the proxy has closed the connection.
func sendPaused(send func(url, kind string, i int) result, byDefault, with75 string) (resetsByDefault, resetsWith75 int) {
	for i := range pausedRequests + 1 {
		first := send(byDefault, "default", i)
		received := time.Now() // the proxy has sent its response linkDelay before
		second := send(with75, "kept", i)
		if i > 0 && first.status == 0 {
			resetsByDefault++
		}
		if i > 0 && second.status == 0 {
			resetsWith75++
		}
		time.Sleep(time.Until(received.Add(idleTimeout - linkDelay)))
	}
	return resetsByDefault, resetsWith75
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
