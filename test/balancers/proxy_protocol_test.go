package balancers

import (
	"fmt"
	"net"
	"net/http"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// HAProxy balances TCP connections and names the client in the header of the PROXY
// protocol. Each client has its own rate, and the log has its address.
func TestEachClientInTheProxyProtocolHasItsOwnRate(t *testing.T) {
	t.Parallel()
	testutil.NeedCommand(t, "haproxy")
	for _, version := range []string{"send-proxy", "send-proxy-v2"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			const burst = 5
			const tinyRate = "0.001" // it refills nothing while the test runs
			statsd := testutil.StartFakeStatsD(t)
			cert, key := testutil.SharedCertificate(t).Write(t, t.TempDir(), "tls.crt", "tls.key")
			proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--tls-cert="+cert, "--tls-key="+key, "--verbose",
				"--trusted-proxies=127.0.0.1", "--proxy-protocol", "--rate-limit="+tinyRate, fmt.Sprintf("--rate-burst=%d", burst))
			address := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
			testutil.StartHAProxy(t, address, "listen proxies\n    mode tcp\n    bind "+address+
				"\n    server proxy "+proxy.Address+" check "+version+"\n")
			for _, local := range []string{"127.0.0.2", "127.0.0.3"} {
				dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}
				transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: testutil.SharedCertificate(t).ClientConfig.Clone(), ForceAttemptHTTP2: true}
				t.Cleanup(transport.CloseIdleConnections)
				client := &http.Client{Transport: transport, Timeout: testutil.Patience}
				for i := range 2 * burst {
					want := 200
					if i >= burst {
						want = 429
					}
					got, answer, err := testutil.Post(client, "https://"+address+"/count/k", "value=1")
					if err != nil || got != want {
						t.Errorf("request %d of %s: got %d %s %v, want %d", i, local, got, answer, err, want)
					}
				}
				proxy.WaitForLog(t, "client="+local, burst)
			}
			proxy.Stop(t)
			if got := len(statsd.All(t)); got != 2*burst {
				t.Errorf("StatsD received %d lines, want %d", got, 2*burst)
			}
		})
	}
}
