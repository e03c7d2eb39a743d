package test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"

	"statsd-http-proxy/test/harness"
)

// clientFrom returns a client that reaches the same nginx as through does, from
// an address of the loopback network.
func clientFrom(t *testing.T, through *http.Client, address string) *http.Client {
	t.Helper()
	transport := through.Transport.(*http.Transport).Clone()
	conn, err := transport.DialContext(t.Context(), "tcp", "")
	if err != nil {
		t.Fatal(err)
	}
	nginx := conn.RemoteAddr().String()
	conn.Close()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, nginx)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: harness.Patience}
}

// TestClientsBehindNginxHaveRatesOfTheirOwn: the proxy sees nginx alone, and
// believes what it adds to X-Forwarded-For. The rest of it anybody may have
// written.
func TestClientsBehindNginxHaveRatesOfTheirOwn(t *testing.T) {
	const burst = 5
	statsd := startReceiver(t)
	idle, _ := idleTimes(t, readNginxConf(t))
	proxy := startProxy(t, "--statsd-port="+statsd.port, fmt.Sprintf("--http-timeout-idle=%d", idle),
		"--trusted-proxies=127.0.0.1", "--rate-limit="+almostNever, fmt.Sprintf("--rate-burst=%d", burst),
		"--max-conns-per-ip=1") // which does not hold for nginx
	nginx := startNginx(t, [2]string{proxy.Address, proxy.Address})
	first, second := clientFrom(t, nginx, "127.0.0.2"), clientFrom(t, nginx, "127.0.0.3")

	var want []string
	for i := range 3 * burst {
		for name, client := range map[string]*http.Client{"first": first, "second": second} {
			line, status := fmt.Sprintf("%s%d", name, i), 429
			if i < burst {
				want, status = append(want, line+":1|c"), 200
			}
			// What a client says it forwards for, it may change each time.
			got, answer, err := post(client, "https://"+nginxName+"/count/"+line, "value=1",
				"X-Forwarded-For", fmt.Sprintf("192.0.2.%d, 198.51.100.%d", i, i))
			if err != nil || got != status {
				t.Errorf("request %d of the %s client: got %d %s %v, want %d", i, name, got, answer, err, status)
			}
		}
	}
	// The address of nginx itself in it changes nothing either.
	for _, list := range []string{"127.0.0.1", "127.0.0.9", "192.0.2.1, 127.0.0.1", "127.0.0.1, ", "unknown"} {
		if got, answer, err := post(first, "https://"+nginxName+"/count/spoofed", "value=1", "X-Forwarded-For", list); err != nil || got != 429 {
			t.Errorf("a client that forwards for %q: got %d %s %v, want 429", list, got, answer, err)
		}
	}
	proxy.Stop(t)
	got := statsd.all(t)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
	}
}
