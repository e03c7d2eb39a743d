package http2

import (
	"math"
	"net"
	"testing"
	"time"

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
	before := settledMemory(t, proxy, admin, 0)
	for range count {
		open()
	}
	each := (settledMemory(t, proxy, admin, before+count*limit) - before) / count
	t.Logf("an idle connection takes %d bytes", each)
	if each > limit {
		t.Errorf("an idle connection takes %d bytes, want at most %d", each, limit)
	}
}

// settledMemory returns the resident memory of the proxy after garbage collections. The Go
// runtime returns free memory to the kernel slowly, so settledMemory waits until the memory
// is not above want, or does not shrink any more.
func settledMemory(t *testing.T, p *testutil.Proxy, admin string, want int) (least int) {
	t.Helper()
	least = math.MaxInt
	for waited := 0; waited < 5; waited++ {
		testutil.MustGet(t, "http://"+admin+"/debug/pprof/heap?gc=1")
		if got := p.Memory(t, testutil.ResidentMemory); got < least {
			least, waited = got, 0
		}
		if least <= want {
			break
		}
		time.Sleep(200 * time.Millisecond)
	}
	return least
}
