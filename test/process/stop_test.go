package process

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

func TestStopLosesNoAcceptedMetric(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)

	// Each client sends on its own connection until the proxy refuses a new one.
	const clients = 4
	var accepted [clients][]string // lines
	var count atomic.Int32
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("client%d.%d", c, i)
				status, answer, err := testutil.Post(proxy.Client, proxy.URL+"/count/"+name, `{"value": 1}`)
				switch {
				case errors.Is(err, syscall.ECONNREFUSED):
					return
				case err != nil:
					t.Errorf("POST %s: %v, want 200, or at the end no connection", name, err)
					return
				case status != http.StatusOK:
					t.Errorf("POST %s: got %d %s, want 200", name, status, answer)
					return
				}
				accepted[c] = append(accepted[c], name+":1|c")
				count.Add(1)
			}
		})
	}
	testutil.Eventually(t, "some requests", func() bool { return count.Load() >= 500 })
	proxy.Process.Stop(t) // it leaves the connections of the clients open
	running.Wait()

	arrived := map[string]int{}
	for _, line := range statsd.All(t) {
		arrived[line]++
	}
	for _, line := range slices.Concat(accepted[:]...) {
		if arrived[line] != 1 {
			t.Errorf("accepted line %q: arrived %d times, want once", line, arrived[line])
		}
	}
}

func TestStopSendsQueuedLines(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port)
	// Without open connections the proxy stops at once, before it would send a packet
	// that is not full.
	proxy.MustSend(t, "/count/last", `{"value": 1}`, "Connection", "close")
	proxy.Stop(t)
	if got, want := statsd.All(t), "last:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %q, want only %q", got, want)
	}
}

// slowRequest is a request whose body is sent in two halves.
type slowRequest struct {
	conn   net.Conn
	reader *bufio.Reader
	rest   string
}

// startSlowRequest sends a count named slow, up to the middle of its body. It returns
// after the server has asked for the body with 100 Continue.
func startSlowRequest(t *testing.T, proxy *testutil.Proxy) *slowRequest {
	t.Helper()
	conn, err := net.Dial("tcp", proxy.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(testutil.Patience)); err != nil {
		t.Fatal(err)
	}
	const body = `{"value": 1}`
	r := &slowRequest{conn: conn, reader: bufio.NewReader(conn), rest: body[len(body)/2:]}
	r.write(t, fmt.Sprintf("POST /count/slow HTTP/1.1\r\nHost: proxy\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body)))
	if line, err := r.reader.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("response to the head of a request: got %q %v, want 100 Continue", line, err)
	}
	if line, err := r.reader.ReadString('\n'); err != nil || line != "\r\n" {
		t.Fatalf("after 100 Continue: got %q %v, want an empty line", line, err)
	}
	r.write(t, body[:len(body)/2])
	return r
}

func (r *slowRequest) write(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(r.conn, text); err != nil {
		t.Fatal(err)
	}
}

func TestStopFinishesARequestWithHalfOfItsBody(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-read=20")
	request := startSlowRequest(t, proxy)
	proxy.Signal(t, syscall.SIGTERM)
	proxy.WaitDraining(t)

	request.write(t, request.rest)
	response, err := http.ReadResponse(request.reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the request: got %s, want 200", response.Status)
	}
	proxy.WaitStopped(t)
	if got, want := statsd.All(t), "slow:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %q, want only %q", got, want)
	}
}

func TestShutdownDelay(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--shutdown-delay=2", "--shutdown-timeout=3")
	proxy.Signal(t, syscall.SIGTERM)
	start := time.Now()
	proxy.WaitForLog(t, "msg=stopping delay=2s", 1)
	for _, name := range []string{"first", "second"} {
		response, err := http.Post(proxy.URL+"/count/"+name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK || response.Close {
			t.Errorf("during the delay: got %s with %v, want 200 on a connection that stays open", response.Status, response.Header)
		}
	}
	proxy.WaitStopped(t)
	if took := time.Since(start); took < 2*time.Second {
		t.Errorf("the proxy stopped after %v, want 2s", took)
	}
	if got := statsd.All(t); !slices.Equal(got, []string{"first:0|c", "second:0|c"}) {
		t.Errorf("lines that StatsD received: got %q", got)
	}
}

func TestSecondSignalEndsTheDelay(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--shutdown-delay=60")
	proxy.Signal(t, syscall.SIGTERM)
	proxy.WaitForLog(t, "msg=stopping", 1)
	proxy.Signal(t, syscall.SIGTERM)
	proxy.Wait(t, testutil.Patience/2)
}

func TestStopDoesNotWaitForAStalledRequest(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--statsd-port="+statsd.Port, "--http-timeout-read=60")
	startSlowRequest(t, proxy)
	proxy.MustSend(t, "/count/quick", `{"value": 1}`)
	proxy.Stop(t)
	if got, want := statsd.All(t), "quick:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %q, want only %q", got, want)
	}
}

func TestSecondSignalStopsTheProxyAtOnce(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			proxy := testutil.StartProxy(t, "--http-timeout-read=60")
			startSlowRequest(t, proxy)
			proxy.Signal(t, syscall.SIGTERM)
			proxy.WaitDraining(t)

			sent := time.Now()
			proxy.Signal(t, sig)
			proxy.Wait(t, testutil.Patience)
			// After one signal the proxy gives the request 4 seconds.
			if took := time.Since(sent); took > 2*time.Second {
				t.Errorf("ended after %s, want at once", took)
			}
			status, ok := proxy.Cmd.ProcessState.Sys().(syscall.WaitStatus)
			if !ok || !status.Signaled() || status.Signal() != sig {
				t.Errorf("ended by: got %v, want %v", proxy.Cmd.ProcessState, sig)
			}
		})
	}
}
