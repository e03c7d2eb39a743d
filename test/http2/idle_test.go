package http2

import (
	"net"
	"testing"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/testutil"
)

// Each connection has carried one request, like that of a browser that stays on a page. The
// memory is what the kernel counts after garbage collections.
func TestIdleHTTP2ConnectionsTakeLittleMemory(t *testing.T) {
	const count = 3000     // so many that what else the program takes does not matter
	const limit = 20 << 10 // bytes of memory of each connection
	admin := net.JoinHostPort("127.0.0.1", testutil.FreePort(t))
	proxy := testutil.StartMeasuredSecureProxy(t, "--statsd-port="+testutil.StartSink(t), "--admin-listen="+admin,
		"--http-timeout-idle=600", "--http-timeout-read=600")
	open := func() *proxytest.HTTP2Client {
		c := dial(t, proxy, true)
		if got := c.Do("POST", "/count/k", "value=1"); got.Status != 200 {
			t.Fatalf("got %d %s, want 200", got.Status, got.Body)
		}
		return c
	}
	for range 100 { // so that the program has the memory that it takes without connections
		open().Conn.Close()
	}
	before := proxy.SettledMemory(t, admin)
	for range count {
		open()
	}
	each := (proxy.SettledMemory(t, admin) - before) / count
	t.Logf("an idle connection takes %d bytes", each)
	if each > limit {
		t.Errorf("an idle connection takes %d bytes, want at most %d", each, limit)
	}
}
