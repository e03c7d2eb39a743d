package balancers

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestRestartsBehindHAProxyCauseNoErrors(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "haproxy")
	restartUnderLoad(t, func(address string, proxies []string) {
		startHAProxyBefore(t, address, proxies, "check inter 100ms")
	})
}

// startHAProxyBefore starts HAProxy in front of proxies, with options for each.
func startHAProxyBefore(t *testing.T, address string, proxies []string, options string) {
	t.Helper()
	conf := "frontend in\n    bind " + address + "\n    default_backend proxies\n" +
		"backend proxies\n    balance roundrobin\n    option redispatch\n    option httpchk GET /heartbeat\n"
	for i, proxy := range proxies {
		conf += fmt.Sprintf("    server proxy%d %s %s\n", i, proxy, options)
	}
	testutil.StartHAProxy(t, address, conf)
}

func TestRestartsBehindNginxCauseNoErrors(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "nginx")
	for name, keepAlive := range map[string]string{
		"keep-alive":                 "proxy_http_version 1.1; proxy_set_header Connection keep-alive;",
		"one connection per request": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			restartUnderLoad(t, func(address string, proxies []string) {
				conf := "upstream proxies {\n"
				for _, proxy := range proxies {
					conf += "    server " + proxy + " max_fails=0;\n"
				}
				conf += "    keepalive 100;\n}\nserver {\n    listen " + address +
					";\n    location / { proxy_pass http://proxies; " + keepAlive + " }\n}\n"
				testutil.StartNginx(t, address, conf)
			})
		})
	}
}

// restartUnderLoad starts three proxies and a load balancer that start starts. It restarts
// each proxy twice, in turn, while 8 clients send metrics. Each request is answered with
// 200, and each metric arrives once.
func restartUnderLoad(t *testing.T, start func(address string, proxies []string)) {
	t.Helper()
	const clients = 8
	statsd := testutil.StartFakeStatsD(t)
	var addresses []string
	var proxies []*testutil.Proxy
	startProxy := func(address string) *testutil.Proxy {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		return testutil.StartProxyCommand(t, testutil.ProxyCommand(t, "--http-port="+port, "--statsd-port="+statsd.Port, "--http-timeout-idle=75"))
	}
	for range 3 {
		address := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
		addresses = append(addresses, address)
		proxies = append(proxies, startProxy(address))
	}
	balancer := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	start(balancer, addresses)

	var sent [clients]int
	var count atomic.Int64
	var isDone atomic.Bool
	var running sync.WaitGroup
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: testutil.Patience}
	for c := range clients {
		running.Go(func() {
			for !isDone.Load() {
				status, answer, err := testutil.Post(client, fmt.Sprintf("http://%s/count/client%d.%d", balancer, c, sent[c]), "value=1")
				if err != nil || status != http.StatusOK {
					t.Errorf("client %d, request %d: got %d %s %v, want 200", c, sent[c], status, answer, err)
					isDone.Store(true)
					return
				}
				sent[c]++
				count.Add(1)
			}
		})
	}
	wait := func() { // for requests to all proxies
		before := count.Load()
		testutil.Eventually(t, "200 responses", func() bool { return isDone.Load() || count.Load() >= before+200 })
	}
	for i := range 2 * len(proxies) {
		wait()
		i %= len(proxies)
		proxies[i].Process.Stop(t)
		proxies[i] = startProxy(addresses[i])
	}
	wait()
	isDone.Store(true)
	running.Wait()
	for _, proxy := range proxies {
		proxy.Process.Stop(t)
	}

	arrived := map[string]int{}
	for _, line := range statsd.All(t) {
		arrived[line]++
	}
	for c, n := range sent {
		for i := range n {
			line := fmt.Sprintf("client%d.%d:1|c", c, i)
			if arrived[line] != 1 {
				t.Errorf("%s arrived %d times, want once", line, arrived[line])
			}
			delete(arrived, line)
		}
	}
	if len(arrived) > 0 {
		t.Errorf("lines that no client sent: %v", arrived)
	}
	t.Logf("%d requests", count.Load())
}
