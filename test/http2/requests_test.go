package http2

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/testutil"
)

func TestPathWithABadEscapeIsRejected(t *testing.T) {
	t.Parallel()
	for name, secure := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := startProxy(t, secure, "--statsd-port="+statsd.Port)
			c := dial(t, proxy, secure)
			for _, path := range []string{"/count/a%", "/count/a%2", "/count/a%zz", "/count/%", "/count/a%z1b?value=1", "/count?metric=a%zz", "/count/a%00"} {
				if got := c.Do("POST", path, ""); got.Status != 400 {
					t.Errorf("POST %s: got %d %s, want 400", path, got.Status, got.Body)
				}
			}
			if got := c.Do("POST", "/count/a%20b", "value=1"); got.Status != 200 {
				t.Errorf("a good escape: got %d %s, want 200", got.Status, got.Body)
			}
			c.Conn.Close()
			statsd.MustHaveReceived(t, proxy, "a_b:1|c")
		})
	}
}

// Clients such as pages that unload close their connection right after the request. They
// have not read the settings of the proxy, so the kernel resets the connection.
func TestRequestsOfClientsThatCloseAtOnceArrive(t *testing.T) {
	t.Parallel()
	const count = 100
	for name, secure := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := startProxy(t, secure, "--statsd-port="+statsd.Port)
			var want []string
			for i := range count {
				conn := dialConn(t, proxy, secure)
				var out bytes.Buffer
				out.WriteString(http2.ClientPreface)
				framer := http2.NewFramer(&out, nil)
				_ = framer.WriteSettings() // a buffer takes everything
				_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: request("POST", fmt.Sprintf("/count/request%d", i)), EndHeaders: true})
				_ = framer.WriteData(1, true, []byte("value=1"))
				if _, err := conn.Write(out.Bytes()); err != nil {
					t.Fatal(err)
				}
				conn.Close()
				want = append(want, fmt.Sprintf("request%d:1|c", i))
			}
			statsd.WaitForCount(t, count)
			proxy.Stop(t)
			got := statsd.All(t)
			slices.Sort(got)
			if slices.Sort(want); !slices.Equal(got, want) {
				t.Errorf("lines that StatsD received\ngot  %q\nwant %q", got, want)
			}
		})
	}
}
