package test

import (
	"bufio"
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

	"statsd-http-proxy/test/harness"
)

func TestStopLosesNothingThatWasAccepted(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)

	// Clients send until they are refused, each on a connection of its own.
	const clients = 4
	var accepted [clients][]string // lines
	var count atomic.Int32
	var running sync.WaitGroup
	for c := range clients {
		running.Go(func() {
			for i := 0; ; i++ {
				name := fmt.Sprintf("client%d.%d", c, i)
				status, answer, err := post(proxy.client, proxy.url+"/count/"+name, `{"value": 1}`)
				switch {
				case err != nil: // the connection is closed
					return
				case status == http.StatusServiceUnavailable:
					return
				case status != http.StatusOK:
					t.Errorf("POST %s: got %d %s, want 200, or 503 at the end", name, status, answer)
					return
				}
				accepted[c] = append(accepted[c], name+":1|c")
				count.Add(1)
			}
		})
	}
	harness.Eventually(t, "some requests", func() bool { return count.Load() >= 500 })
	proxy.Stop(t)
	running.Wait()

	arrived := map[string]int{}
	for _, line := range statsd.all(t) {
		arrived[line]++
	}
	for _, line := range slices.Concat(accepted[:]...) {
		if arrived[line] != 1 {
			t.Errorf("%q was answered 200: got it %d times, want once", line, arrived[line])
		}
	}
}

func TestStopSendsWhatStillWaitsForCompany(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port)
	// With no connection left the proxy stops before it would have sent this
	// line by itself.
	proxy.mustSend(t, "/count/last", `{"value": 1}`, "Connection", "close")
	proxy.Stop(t)
	if got, want := statsd.all(t), "last:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %q, want only %q", got, want)
	}
}

// slowRequest is a request whose body is sent in two halves.
type slowRequest struct {
	conn   net.Conn
	reader *bufio.Reader
	rest   string
}

// startSlowRequest sends a request for a count named slow, up to the middle of
// its body. The server has begun with it: it has asked for the body.
func startSlowRequest(t *testing.T, proxy *proxy) *slowRequest {
	t.Helper()
	conn, err := net.Dial("tcp", proxy.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	const body = `{"value": 1}`
	r := &slowRequest{conn: conn, reader: bufio.NewReader(conn), rest: body[len(body)/2:]}
	r.write(t, fmt.Sprintf("POST /count/slow HTTP/1.1\r\nHost: proxy\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body)))
	if line, err := r.reader.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("answer to the head of a request: got %q %v, want 100 Continue", line, err)
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

func TestStopFinishesARequestWhoseBodyIsHalfSent(t *testing.T) {
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--http-timeout-read=20")
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
	proxy.EndsWell(t)
	if got, want := statsd.all(t), "slow:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %q, want only %q", got, want)
	}
}

func TestStopDoesNotWaitForARequestThatHangs(t *testing.T) {
	t.Parallel() // it takes the time that requests are given to finish
	statsd := startReceiver(t)
	proxy := startProxy(t, "--statsd-port="+statsd.port, "--http-timeout-read=60")
	startSlowRequest(t, proxy)
	proxy.mustSend(t, "/count/quick", `{"value": 1}`)
	proxy.Stop(t)
	if got, want := statsd.all(t), "quick:1|c"; len(got) != 1 || got[0] != want {
		t.Errorf("lines that StatsD received: got %q, want only %q", got, want)
	}
}

func TestSecondSignalEndsTheProxyAtOnce(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			proxy := startProxy(t, "--http-timeout-read=60")
			startSlowRequest(t, proxy)
			proxy.Signal(t, syscall.SIGTERM)
			proxy.WaitDraining(t)

			sent := time.Now()
			proxy.Signal(t, sig)
			proxy.Wait(t, harness.Patience)
			// It would have given the request 4 seconds.
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
