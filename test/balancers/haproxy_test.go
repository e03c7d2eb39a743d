package balancers

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

const haproxyConf = "deploy/haproxy/statsd-http-proxy.cfg"

// haproxyIdleTimes returns two values of the shipped configuration, in seconds: the
// proxy's --http-timeout-idle and how long HAProxy keeps idle connections to a proxy at
// most. HAProxy closes half of them each time pool-purge-delay passes, so that the last one
// goes after twice that time.
func haproxyIdleTimes(t *testing.T) (proxy, haproxy int) {
	t.Helper()
	conf := testutil.ReadFile(t, haproxyConf)
	var values [2]int
	for i, pattern := range []string{`--http-timeout-idle=(\d+)`, `(?m)^ *default-server .*pool-purge-delay (\d+)s`} {
		all := regexp.MustCompile(pattern).FindAllStringSubmatch(conf, -1)
		if len(all) != 1 {
			t.Fatalf("%s: got %d matches of %q, want 1", haproxyConf, len(all), pattern)
		}
		values[i], _ = strconv.Atoi(all[0][1]) // it has only digits
	}
	return values[0], 2 * values[1]
}

func TestProxyKeepsIdleConnectionsLongerThanHAProxy(t *testing.T) {
	if proxy, haproxy := haproxyIdleTimes(t); proxy <= haproxy {
		t.Errorf("%s: got an idle time of %d s for the proxy, want more than HAProxy's %d s", haproxyConf, proxy, haproxy)
	}
}

// startHAProxy starts HAProxy with the shipped configuration in front of two upstreams. It
// returns a client that connects to HAProxy for any host.
func startHAProxy(t *testing.T, upstreams [2]string) *http.Client {
	t.Helper()
	address := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	cert := testutil.SharedCertificate(t)
	file := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(file, append(append([]byte(nil), cert.Cert...), cert.Key...), 0o600); err != nil {
		t.Fatal(err)
	}
	testutil.StartHAProxy(t, address, replaceOnce(t, haproxyConf,
		"bind :443 ", "bind "+address+" ",
		"/etc/haproxy/certs/statsd-http-proxy.pem ", file+" ",
		"proxy1 statsd-proxy-1:8825", "proxy1 "+upstreams[0],
		"proxy2 statsd-proxy-2:8825", "proxy2 "+upstreams[1],
	))
	return clientOf(t, address)
}

func TestHAProxyBalancesTwoProxiesOverTLSAndHTTP2(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	idle, _ := haproxyIdleTimes(t)
	var upstreams [2]string
	for i := range upstreams {
		upstreams[i] = testutil.StartProxy(t, "--statsd-port="+statsd.Port, fmt.Sprintf("--http-timeout-idle=%d", idle),
			fmt.Sprintf("--metric-prefix=proxy%d", i+1)).Address
	}
	client := startHAProxy(t, upstreams)
	const requests = 100
	for i := range requests {
		response, err := client.Post(fmt.Sprintf("https://%s/count/request.%d", testutil.CertificateName, i),
			"application/json", strings.NewReader(`{"value": 1}`))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
			t.Fatalf("request %d: got status %d over %s, want 200 over HTTP/2.0", i, response.StatusCode, response.Proto)
		}
	}
	statsd.WaitForCount(t, requests)
	var by [2]int
	for _, line := range statsd.All(t) {
		prefix, _, _ := strings.Cut(line, ".")
		by[0] += strings.Count(prefix, "proxy1")
		by[1] += strings.Count(prefix, "proxy2")
	}
	if want := [2]int{requests / 2, requests / 2}; by != want {
		t.Errorf("requests forwarded by each proxy: got %v, want %v", by, want)
	}
}
