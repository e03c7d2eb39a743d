package balancers

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// clientFrom returns a client that reaches the same load balancer as client, from an
// address of the loopback network.
func clientFrom(t *testing.T, client *http.Client, address string) *http.Client {
	t.Helper()
	transport := client.Transport.(*http.Transport).Clone()
	conn, err := transport.DialContext(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	balancer := conn.RemoteAddr().String()
	conn.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, balancer)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: testutil.Patience}
}

func TestEachClientBehindNginxHasItsOwnRate(t *testing.T) {
	t.Parallel()
	idle, _ := idleTimes(t, readNginxConf(t))
	eachClientHasItsOwnRate(t, idle, startNginx)
}

func TestEachClientBehindHAProxyHasItsOwnRate(t *testing.T) {
	t.Parallel()
	idle, _ := haproxyIdleTimes(t)
	eachClientHasItsOwnRate(t, idle, startHAProxy)
}

// eachClientHasItsOwnRate starts a load balancer with start. All connections to the proxy,
// which keeps idle ones for idle seconds, come from the balancer. The proxy trusts the
// address that the balancer appends to X-Forwarded-For. A client may have written the rest
// of the header.
func eachClientHasItsOwnRate(t *testing.T, idle int, start func(t *testing.T, upstreams [2]string) *http.Client) {
	t.Helper()
	const burst = 5
	const tinyRate = "0.001" // it refills nothing while the test runs
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, fmt.Sprintf("--http-timeout-idle=%d", idle),
		"--trusted-proxies=127.0.0.1", "--rate-limit="+tinyRate, fmt.Sprintf("--rate-burst=%d", burst),
		"--max-conns-per-ip=1") // it does not apply to a trusted proxy
	balancer := start(t, [2]string{proxy.Address, proxy.Address})
	first, second := clientFrom(t, balancer, "127.0.0.2"), clientFrom(t, balancer, "127.0.0.3")

	var want []string
	for i := range 3 * burst {
		for name, client := range map[string]*http.Client{"first": first, "second": second} {
			line, status := fmt.Sprintf("%s%d", name, i), 429
			if i < burst {
				want, status = append(want, line+":1|c"), 200
			}
			// The client changes its part of the header with each request.
			got, answer, err := testutil.Post(client, "https://"+testutil.CertificateName+"/count/"+line, "value=1",
				"X-Forwarded-For", fmt.Sprintf("192.0.2.%d, 198.51.100.%d", i, i))
			if err != nil || got != status {
				t.Errorf("request %d of the %s client: got %d %s %v, want %d", i, name, got, answer, err, status)
			}
		}
	}
	// The address of the balancer in the header changes nothing either.
	for _, list := range []string{"127.0.0.1", "127.0.0.9", "192.0.2.1, 127.0.0.1", "127.0.0.1, ", "unknown"} {
		if got, answer, err := testutil.Post(first, "https://"+testutil.CertificateName+"/count/spoofed", "value=1", "X-Forwarded-For", list); err != nil || got != 429 {
			t.Errorf("a client that sends X-Forwarded-For: %q: got %d %s %v, want 429", list, got, answer, err)
		}
	}
	proxy.Stop(t)
	got := statsd.All(t)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}
