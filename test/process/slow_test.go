package process

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// 2,000 clients begin a request each and then send ten bytes a second.
func TestSlowConnectionsAreCutAndHarmNobody(t *testing.T) {
	const count, limit = 2000, 64 << 20 // bytes of memory in all
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartMeasuredProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-read=2")
	begins := []string{
		"P",
		"POST /count/slow HTTP/1.1\r\nHost: proxy\r\nX: ",
		"POST /count/slow HTTP/1.1\r\nHost: proxy\r\nContent-Length: 1000\r\n\r\nvalue=1",
		"POST /count/slow HTTP/1.1\r\nHost: proxy\r\nContent-Length: 1048576\r\n\r\n",
		"POST /count/slow HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n",
		"POST /count/slow HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n1;",
	}
	conns := dialMany(t, proxy, count)
	for i, conn := range conns {
		if _, err := io.WriteString(conn, begins[i%len(begins)]); err != nil {
			t.Fatal(err)
		}
	}

	// The clients go on until the proxy closes their connections, with or without a
	// response.
	var running sync.WaitGroup
	stop := make(chan struct{})
	defer running.Wait()
	defer close(stop)
	running.Go(func() { drip(conns, stop) })
	answers := make(chan error, count)
	for _, conn := range conns {
		running.Go(func() { answers <- waitClosed(conn) })
	}
	for i := range 200 {
		proxy.MustSend(t, fmt.Sprintf("/count/quick%d", i), "value=1")
	}
	for range count {
		if err := <-answers; err != nil {
			t.Fatal(err)
		}
	}
	peak := proxy.Memory(t, testutil.PeakMemory)
	t.Logf("%d slow connections: at most %d KiB", count, peak>>10)
	if peak > limit {
		t.Errorf("the proxy took %d bytes at its peak, want at most %d", peak, limit)
	}
	for _, line := range statsd.All(t) {
		if !strings.HasPrefix(line, "quick") {
			t.Errorf("StatsD received %q", line)
		}
	}
}

// drip sends a byte on each connection ten times a second until stop is closed.
func drip(conns []net.Conn, stop chan struct{}) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			for _, conn := range conns {
				_, _ = conn.Write([]byte("1")) // it fails if the proxy has closed the connection
			}
		}
	}
}

// waitClosed waits until the server has closed conn. It returns an error if the
// server has sent anything but a response of 408.
func waitClosed(conn net.Conn) error {
	text, err := io.ReadAll(conn)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return fmt.Errorf("a slow connection is still open: %w", err)
	}
	if len(text) > 0 && !strings.HasPrefix(string(text), fmt.Sprintf("HTTP/1.1 %d ", http.StatusRequestTimeout)) {
		return fmt.Errorf("a slow request got %q, want 408", text)
	}
	return nil
}
