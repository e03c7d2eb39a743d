package http2

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/testutil"
)

// Each connection has carried one request, like that of a browser that stays on a page. The
// memory is what the kernel counts after garbage collections.
func TestIdleTLSConnectionsTakeLittleMemory(t *testing.T) {
	const count = 3000 // so many that what else the program takes does not matter
	for _, test := range []struct {
		protocol string
		limit    int // bytes of memory of each connection
		request  func(t *testing.T, conn net.Conn)
	}{
		{http2.NextProtoTLS, 20 << 10, func(t *testing.T, conn net.Conn) {
			if got := proxytest.NewHTTP2Client(t, conn).Do("POST", "/count/k", "value=1"); got.Status != 200 {
				t.Fatalf("got %d %s, want 200", got.Status, got.Body)
			}
		}},
		{"http/1.1", 16 << 10, func(t *testing.T, conn net.Conn) {
			if _, err := io.WriteString(conn, "POST /count/k HTTP/1.1\r\nHost: proxy\r\nContent-Length: 7\r\n\r\nvalue=1"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil || response.StatusCode != http.StatusOK {
				t.Fatalf("got %v %v, want 200", response, err)
			}
		}},
	} {
		t.Run(test.protocol, func(t *testing.T) {
			port := testutil.FreePort(t)
			admin := net.JoinHostPort("127.0.0.1", port)
			proxy := testutil.StartMeasuredSecureProxy(t, "--statsd-port="+testutil.StartSink(t), "--admin-listen="+admin,
				"--http-timeout-idle=600", "--http-timeout-read=600")
			open := func() net.Conn {
				conn := dialConn(t, proxy, true, test.protocol)
				conn.SetDeadline(time.Now().Add(testutil.Patience))
				test.request(t, conn)
				return conn
			}
			for range 100 { // so that the program has the memory that it takes without connections
				open().Close()
			}
			before := settledMemory(t, proxy, admin, 0)
			for range count {
				open()
			}
			each := (settledMemory(t, proxy, admin, before+count*test.limit) - before) / count
			t.Logf("an idle connection with %s takes %d bytes", test.protocol, each)
			if each > test.limit {
				t.Errorf("an idle connection with %s takes %d bytes, want at most %d", test.protocol, each, test.limit)
			}
		})
	}
}

// settledMemory returns the resident memory of the proxy after garbage collections. The Go
// runtime returns free memory to the kernel slowly, so settledMemory waits until the memory
// is not above want, or does not shrink any more.
func settledMemory(t *testing.T, p *testutil.Proxy, admin string, want int) (least int) {
	t.Helper()
	least = math.MaxInt
	for waited := 0; waited < 5; waited++ {
		response, err := http.Get(fmt.Sprintf("http://%s/debug/pprof/heap?gc=1", admin))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		response.Body.Close()
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
