package balancers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// haproxyHTTP2 is a configuration of HAProxy that speaks HTTP/2 without TLS to one proxy.
const haproxyHTTP2 = `
frontend in
    bind %s
    option forwardfor
    default_backend proxy
backend proxy
    http-reuse always
    server proxy %s proto h2%s
`

// startHAProxyHTTP2 starts HAProxy in front of a proxy and returns its address.
func startHAProxyHTTP2(t *testing.T, server, options string) (address string, h *testutil.HAProxy) {
	t.Helper()
	address = net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	return address, testutil.StartHAProxy(t, address, fmt.Sprintf(haproxyHTTP2, address, server, options))
}

// clientAt returns a client that connects from an address of the loopback network.
func clientAt(t *testing.T, address string) *http.Client {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, server string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, server)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testutil.Patience}
}

// HAProxy sends the requests of all clients over few connections.
func TestHAProxyNeedsFewConnectionsWithHTTP2(t *testing.T) {
	t.Parallel()
	const clients, each, maxConns = 50, 20, 4 // one or two connections for each thread of HAProxy
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-idle=75", "--http-timeout-read=30", "--http-timeout-write=30", "--trusted-proxies=127.0.0.1")
	relay := startRelay(t, proxy.Address)
	address, _ := startHAProxyHTTP2(t, relay.address, "")
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			client := clientAt(t, fmt.Sprintf("127.0.1.%d", c+1))
			for i := range each {
				url := fmt.Sprintf("http://%s/count/client%d.%d", address, c, i)
				if status, answer, err := testutil.Post(client, url, "value=1"); err != nil || status != http.StatusOK {
					t.Errorf("POST %s: got %d %s %v, want 200", url, status, answer, err)
					return
				}
			}
		})
	}
	running.Wait()
	got := relay.accepted.Load()
	t.Logf("%d clients, %d connections", clients, got)
	if got > maxConns {
		t.Errorf("connections of HAProxy for %d clients: got %d, want at most %d", clients, got, maxConns)
	}
	// 1 MiB is the most that the proxy accepts.
	const line = "some.key.of.a.batch:1|c\n"
	batch := strings.Repeat(line, 1<<20/len(line))
	status, answer, err := testutil.Post(&http.Client{Timeout: testutil.Patience}, "http://"+address+"/batch", batch)
	if want := fmt.Sprintf(`{"accepted":%d,"rejected":[]}`, strings.Count(batch, "\n")); err != nil || status != http.StatusOK || answer != want {
		t.Errorf("a large batch: got %d %s %v, want 200 %s", status, answer, err, want)
	}
	proxy.Process.Stop(t)
	if got, want := len(statsd.All(t)), clients*each+strings.Count(batch, "\n"); got != want {
		t.Errorf("StatsD has received %d lines, want %d", got, want)
	}
}

// The proxy knows the clients behind HAProxy by X-Forwarded-For, or by the PROXY protocol.
// Each has a rate of its own.
func TestProxyKnowsClientsBehindHAProxyWithHTTP2(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, haproxy, proxy string
		clients              []string
	}{
		{"X-Forwarded-For", "", "--trusted-proxies=127.0.0.1", []string{"127.0.1.1", "127.0.1.2", "127.0.1.3"}},
		// HAProxy needs a connection for each client then.
		{"PROXY protocol", " send-proxy-v2", "--proxy-protocol", []string{"127.0.1.1", "127.0.1.2", "127.0.1.3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			args := []string{"--statsd-port=" + statsd.Port, "--http-timeout-idle=75", "--http-timeout-read=30", "--http-timeout-write=30", "--rate-limit=0.01", "--rate-burst=2", test.proxy}
			if test.haproxy != "" {
				args = append(args, "--trusted-proxies=127.0.0.1")
			}
			proxy := testutil.StartProxy(t, args...)
			address, _ := startHAProxyHTTP2(t, proxy.Address, test.haproxy)
			for _, from := range test.clients {
				client := clientAt(t, from)
				var got []int
				for range 3 {
					status, _, err := testutil.Post(client, "http://"+address+"/count/k", "value=1")
					if err != nil {
						t.Fatal(err)
					}
					got = append(got, status)
				}
				if want := []int{200, 200, 429}; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("the client %s: got %v, want %v", from, got, want)
				}
			}
			proxy.Process.Stop(t)
			if got := len(statsd.All(t)); got != 2*len(test.clients) {
				t.Errorf("StatsD has received %d lines, want %d", got, 2*len(test.clients))
			}
		})
	}
}

func TestRestartsBehindHAProxyWithHTTP2CauseNoErrors(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "haproxy")
	restartUnderLoad(t, func(address string, proxies []string) {
		startHAProxyBefore(t, address, proxies, "proto h2 check inter 100ms")
	})
}

// A reload of HAProxy ends its connections to the proxy while requests are on their way.
func TestReloadsOfHAProxyWithHTTP2LoseNothing(t *testing.T) {
	t.Parallel()
	const clients = 8
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-idle=75", "--http-timeout-read=30", "--http-timeout-write=30")
	address, haproxy := startHAProxyHTTP2(t, proxy.Address, "")
	var count atomic.Int64
	var isDone atomic.Bool
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			client := clientAt(t, "127.0.0.1")
			for !isDone.Load() {
				// HAProxy closes kept connections at a reload, which a client has to expect.
				status, answer, err := testutil.Post(client, "http://"+address+"/count/k", "value=1", "Connection", "close")
				if err != nil || status != http.StatusOK {
					t.Errorf("got %d %s %v, want 200", status, answer, err)
					isDone.Store(true)
					return
				}
				count.Add(1)
			}
		})
	}
	for range 3 {
		before := count.Load()
		testutil.Eventually(t, "200 responses", func() bool { return isDone.Load() || count.Load() >= before+200 })
		haproxy = haproxy.Reload(t)
	}
	isDone.Store(true)
	running.Wait()
	proxy.Process.Stop(t)
	if got, want := len(statsd.All(t)), int(count.Load()); got != want {
		t.Errorf("StatsD has received %d lines, want %d", got, want)
	}
}
