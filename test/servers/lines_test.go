package servers

import (
	"bufio"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// TestOrderOfTagsDoesNotMatter sends a counter with its tags in two orders to an Etsy
// StatsD for Graphite. There, each order would be a counter of its own, and Graphite
// would keep the one that is written last.
func TestOrderOfTagsDoesNotMatter(t *testing.T) {
	t.Parallel()
	r := startEtsyReceiver(t, "udp")
	proxy := testutil.StartProxy(t, "--statsd-port="+r.port, "--statsd-flavor=etsy", "--tag-format=graphite", "--tags=region=eu")
	proxy.MustSend(t, "/count/hits", `{"value": 1, "tags": "page=home,env=prod"}`)
	proxy.MustSend(t, "/count/hits", `{"value": 10, "tags": "env=prod,page=home"}`)
	proxy.MustSend(t, "/count/hits", "value=100&tags[page]=home&tags[env]=prod")
	proxy.MustSendBatch(t, "hits:1000|c|#page:home,env:prod\nhits,env=prod,page=home:10000|c\nhits;page=home;env=prod:100000|c", 3)
	want := stored{"hits{env=prod,page=home,region=eu}": 111111}
	proxy.MustSend(t, "/gauge/last", "value=1&tags=") // no tags but the configured one
	const last = "last{region=eu}"
	want[last] = 1
	testutil.Eventually(t, "the gauge last in StatsD", func() bool { return r.gauges()["last;region=eu"] == 1 })
	r.waitFor(t, want)
}

// TestFieldsOfDogStatsD checks which fields of other clients' lines reach the server.
func TestFieldsOfDogStatsD(t *testing.T) {
	t.Parallel()
	lines := []string{
		"hits:1|c|@0.5|#env:prod,shell|c:in-1234",
		"hits:2|c|#shell|T1656581400",
		"hits:3|c|e:it-false,cn-nginx",
		"hits:4|c|#|card:low",
		"level:5|g|@0.5|#env:prod|c:in-1234|e:it-false|card:none",
		"users:alice|s|@0.5",
	}
	plain := []string{
		"hits:1|c|@0.5|#env:prod,shell", "hits:2|c|#shell", "hits:3|c", "hits:4|c", "level:5|g|#env:prod", "users:alice|s",
	}
	for _, test := range []struct {
		flavor string
		want   []string
	}{
		{"datadog", []string{
			lines[0], lines[1], lines[2], "hits:4|c|card:low", "level:5|g|#env:prod|c:in-1234|e:it-false|card:none", "users:alice|s",
		}},
		{"gostatsd", plain},
		{"vector", plain},
		{"none", []string{
			"hits,env=prod,shell=true:1|c|@0.5", "hits,shell=true:2|c", "hits:3|c", "hits:4|c", "level,env=prod:5|g", "users:alice|s",
		}},
		{"etsy", []string{"hits:1|c|@0.5", "hits:2|c", "hits:3|c", "hits:4|c", "level:5|g", "users:alice|s"}},
	} {
		t.Run(test.flavor, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--statsd-flavor="+test.flavor)
			proxy.MustSendBatch(t, strings.Join(lines, "\n"), len(lines))
			for _, line := range []string{"hits:1|c|x:1", "hits:1|c|T", "hits:1|c|Tomorrow", "hits:1|c|c:", "hits:1|c|@0.5|@0.5"} {
				proxy.MustReject(t, "/batch", line, 400, `"accepted":0,`)
			}
			statsd.MustHaveReceived(t, proxy, test.want...)
		})
	}
}

// TestTelegrafReadsTagsWithoutValues sends a DogStatsD tag without a value in both tag
// formats that Telegraf reads.
func TestTelegrafReadsTagsWithoutValues(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"influxdb", "dogstatsd"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			r := startTelegrafReceiver(t, "udp")
			proxy := testutil.StartProxy(t, "--statsd-port="+r.port, "--statsd-flavor=telegraf", "--tag-format="+format)
			proxy.MustSendBatch(t, "hits:1|c|#shell,env:prod\nlevel:0|g|#shell\nlevel:-5|g|#shell\nspent:1|ms:2|ms|#shell", 4)
			r.waitFor(t, stored{
				"hits{env=prod,shell=true}": 1, "level{shell=true}": -5, "spent.count{shell=true}": 2, "spent.sum{shell=true}": 3,
			})
		})
	}
}

// TestTelegrafDropsFractionsOfCounts checks what docs/statsd-servers.md says.
func TestTelegrafDropsFractionsOfCounts(t *testing.T) {
	t.Parallel()
	r := startTelegrafReceiver(t, "udp")
	proxy := testutil.StartProxy(t, "--statsd-port="+r.port, "--statsd-flavor=telegraf")
	proxy.MustSend(t, "/count/hits", `{"value": 2.5}`)
	r.waitFor(t, stored{"hits": 2})
}

// TestNegativeGaugeIsOneLineOverStreams checks a proxy without a flavor. A server may
// parse the lines of a stream in any order.
func TestNegativeGaugeIsOneLineOverStreams(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got []string
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				for lines := bufio.NewScanner(conn); lines.Scan(); {
					mu.Lock()
					got = append(got, lines.Text())
					mu.Unlock()
				}
			})
		}
	})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	proxy := testutil.StartProxy(t, "--statsd-port="+port, "--statsd-network=tcp")
	proxy.MustSend(t, "/gauge/level", `{"value": -5, "tags": "env=prod"}`)
	proxy.MustSendBatch(t, "lines:0|g\nlines:-6|g", 2)
	proxy.Stop(t)
	listener.Close()
	running.Wait()
	if want := []string{"level,env=prod:0|g:-5|g", "lines:0|g:-6|g"}; !slices.Equal(got, want) {
		t.Errorf("lines over TCP: got %q, want %q", got, want)
	}
}
