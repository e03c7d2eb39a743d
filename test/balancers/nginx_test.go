package balancers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

const nginxConf = "deploy/nginx/statsd-http-proxy.conf"

// idleTimes returns two values of the shipped configuration, in seconds: the proxy's
// --http-timeout-idle and nginx's keepalive_timeout for upstreams.
func idleTimes(t *testing.T, conf string) (proxy, nginx int) {
	t.Helper()
	find := func(pattern string) int {
		all := regexp.MustCompile(pattern).FindAllStringSubmatch(conf, -1)
		if len(all) != 1 {
			t.Fatalf("%s: got %d matches of %q, want 1", nginxConf, len(all), pattern)
		}
		seconds, err := strconv.Atoi(all[0][1])
		if err != nil {
			t.Fatal(err)
		}
		return seconds
	}
	return find(`--http-timeout-idle=(\d+)`), find(`(?m)^ *keepalive_timeout (\d+)s;`)
}

func readNginxConf(t *testing.T) string {
	t.Helper()
	return testutil.ReadFile(t, nginxConf)
}

func TestProxyKeepsIdleConnectionsLongerThanNginx(t *testing.T) {
	if proxy, nginx := idleTimes(t, readNginxConf(t)); proxy <= nginx {
		t.Errorf("%s: got an idle time of %d s for the proxy, want more than nginx's %d s", nginxConf, proxy, nginx)
	}
}

// startNginx starts nginx with the shipped configuration in front of two upstreams. It
// returns a client that connects to nginx for any host.
func startNginx(t *testing.T, upstreams [2]string) *http.Client {
	t.Helper()
	dir := t.TempDir()
	address := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	cert, key := testutil.SharedCertificate(t).Write(t, dir, "ssl.crt", "ssl.key")

	testutil.StartNginx(t, address, replaceOnce(t, nginxConf,
		"listen 443 ", "listen "+address+" ",
		"server statsd-proxy-1:8825 ", "server "+upstreams[0]+" ",
		"server statsd-proxy-2:8825 ", "server "+upstreams[1]+" ",
		"/etc/pki/nginx/ssl.crt;", cert+";",
		"/etc/pki/nginx/ssl.key;", key+";",
	))
	return clientOf(t, address)
}

// replaceOnce returns a file of the module with other addresses and paths. Pairs are texts
// that stand in it once, each with its replacement.
func replaceOnce(t *testing.T, name string, pairs ...string) string {
	t.Helper()
	conf := testutil.ReadFile(t, name)
	for i := 0; i < len(pairs); i += 2 {
		if got := strings.Count(conf, pairs[i]); got != 1 {
			t.Fatalf("%s: got %q %d times, want it once", name, pairs[i], got)
		}
		conf = strings.Replace(conf, pairs[i], pairs[i+1], 1)
	}
	return conf
}

// clientOf returns a client that speaks HTTP/2 to the load balancer at address, for any
// host.
func clientOf(t *testing.T, address string) *http.Client {
	t.Helper()
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   testutil.SharedCertificate(t).ClientConfig.Clone(), // the transport changes it
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var dialer net.Dialer
			return dialer.DialContext(ctx, network, address)
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testutil.Patience}
}

func TestNginxBalancesTwoProxiesOverTLSAndHTTP2(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	idle, _ := idleTimes(t, readNginxConf(t))
	var relays [2]*relay
	for i := range relays {
		proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, fmt.Sprintf("--http-timeout-idle=%d", idle),
			fmt.Sprintf("--metric-prefix=proxy%d", i+1))
		relays[i] = startRelay(t, proxy.Address)
	}
	client := startNginx(t, [2]string{relays[0].address, relays[1].address})

	sent := 0
	send := func() {
		t.Helper()
		sent++
		response, err := client.Post(fmt.Sprintf("https://%s/count/request.%d", testutil.CertificateName, sent),
			"application/json", strings.NewReader(`{"value": 1}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Fatalf("request %d: got status %d over %s, want 200 over HTTP/2.0", sent, response.StatusCode, response.Proto)
		}
	}

	// One request at a time needs no more than one connection to each proxy.
	for range 100 {
		send()
	}
	for i, relay := range relays {
		if got := relay.accepted.Load(); got != 1 {
			t.Errorf("connections to proxy %d for 50 requests: got %d, want 1", i+1, got)
		}
	}

	// The connections stay open during a pause that is longer than the proxy's default
	// idle timeout of 1 second. So no request meets a connection that is being closed.
	pause := time.After(1500 * time.Millisecond)
	select {
	case <-relays[0].closed:
		t.Errorf("the connection to proxy 1 was closed while idle")
	case <-relays[1].closed:
		t.Errorf("the connection to proxy 2 was closed while idle")
	case <-pause:
	}
	for range 20 {
		send()
	}
	for i, relay := range relays {
		if got := relay.accepted.Load(); got != 1 {
			t.Errorf("connections to proxy %d after the pause: got %d, want 1 still", i+1, got)
		}
	}

	// nginx sends each request to the next proxy in turn.
	statsd.WaitForCount(t, sent)
	got := map[string]bool{}
	var by [2]int
	for _, line := range statsd.All(t) {
		prefix, name, _ := strings.Cut(line, ".")
		got[name] = true
		by[0] += strings.Count(prefix, "proxy1")
		by[1] += strings.Count(prefix, "proxy2")
	}
	for i := 1; i <= sent; i++ {
		if want := fmt.Sprintf("request.%d:1|c", i); !got[want] {
			t.Errorf("the line %q has not arrived", want)
		}
	}
	if want := [2]int{sent / 2, sent / 2}; by != want {
		t.Errorf("requests forwarded by each proxy: got %v, want %v", by, want)
	}
}

func TestNginxForwardsManyRequestsAtOnce(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	idle, _ := idleTimes(t, readNginxConf(t))
	var upstreams [2]string
	for i := range upstreams {
		proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, fmt.Sprintf("--http-timeout-idle=%d", idle),
			"--jwt-secret=somesecret")
		upstreams[i] = proxy.Address
	}
	client := startNginx(t, upstreams)
	token := testutil.NewToken(t, "somesecret")

	const clients, each = 8, 50
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			for i := range each {
				url := fmt.Sprintf("https://%s/count/a%%20b/%d.%d", testutil.CertificateName, c, i)
				status, answer, err := testutil.Post(client, url, `{"value": 1}`, "X-JWT-Token", token)
				if err != nil || status != http.StatusOK {
					t.Errorf("POST %s: got %d %q %v, want 200", url, status, answer, err)
					return
				}
			}
		})
	}
	running.Wait()
	statsd.WaitForCount(t, clients*each)
	got := map[string]bool{}
	for _, line := range statsd.All(t) {
		got[line] = true
	}
	for c := range clients {
		for i := range each {
			if want := fmt.Sprintf("a_b/%d.%d:1|c", c, i); !got[want] {
				t.Errorf("the line %q has not arrived", want)
			}
		}
	}
}

func TestNginxPassesErrorsOn(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--jwt-secret=somesecret")
	client := startNginx(t, [2]string{proxy.Address, proxy.Address})
	base := "https://" + testutil.CertificateName
	token := testutil.NewToken(t, "somesecret")
	for _, request := range []struct {
		path, body, token string
		status            int
		error             string
	}{
		{"/count/name", `{"value": 1}`, "", 401, "token"},
		{"/count/name", `{"value": 1}`, "a.b.c", 403, "token"},
		{"/count/name", `{"value": "one"}`, token, 400, "value"},
		{"/count/name//", `{"value": 1}`, token, 400, "name"},
		{"/meter/name", `{"value": 1}`, token, 404, "meter"},
	} {
		status, answer, err := testutil.Post(client, base+request.path, request.body,
			"X-JWT-Token", request.token, "Origin", "https://page.example.com")
		if err != nil || status != request.status || !strings.Contains(answer, request.error) {
			t.Errorf("POST %s with %s: got %d %q %v, want %d and %q in the answer",
				request.path, request.body, status, answer, err, request.status, request.error)
		}
	}
}
