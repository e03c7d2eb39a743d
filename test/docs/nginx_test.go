package docs

import (
	"net"
	"regexp"
	"strings"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// listenLine matches the port of a server.
var listenLine = regexp.MustCompile(`\blisten \d+;`)

// Each sample for nginx has to be valid and to pass a metric on to the proxy. A sample
// has one server, which listens without TLS.
func TestSamplesForNginxPassMetricsOn(t *testing.T) {
	t.Parallel()
	for _, b := range blocksOf(manual(t), "nginx") {
		statsd := testutil.StartFakeStatsD(t)
		proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-idle=75")
		address := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
		conf := strings.ReplaceAll(b.code, sampleAddress, proxy.Address)
		if conf == b.code || len(listenLine.FindAllString(conf, -1)) != 1 {
			t.Errorf("%s:%d: the sample needs the upstream %s and one listen", b.page, b.line, sampleAddress)
			continue
		}
		testutil.StartNginx(t, address, listenLine.ReplaceAllString(conf, "listen "+address+";"))
		for range 3 {
			status, answer, err := testutil.Post(proxy.Client, "http://"+address+"/count/some.key", "value=1")
			if err != nil || status != 200 {
				t.Errorf("%s:%d: got %d %s %v through nginx, want 200", b.page, b.line, status, answer, err)
			}
		}
		proxy.Client.CloseIdleConnections()
		statsd.WaitForCount(t, 3)
	}
}
