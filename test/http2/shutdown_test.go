package http2

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/testutil"
)

// An idle connection gets GOAWAY while another one still has an open stream.
func TestShutdownSendsGoAwayAndFinishesStreams(t *testing.T) {
	t.Parallel()
	for name, secure := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := startProxy(t, secure, "--statsd-port="+statsd.Port, "--shutdown-timeout=60")
			unused, idle, open := dial(t, proxy, secure), dial(t, proxy, secure), dial(t, proxy, secure)
			if got := idle.Do("POST", "/count/idle", "value=1"); got.Status != 200 {
				t.Fatalf("got %d %s, want 200", got.Status, got.Body)
			}
			var streams []uint32
			for range 10 {
				id := open.Open("POST", "/count/open", false)
				open.Send(id, "val", false)
				streams = append(streams, id)
			}
			// The proxy has read the beginning of the streams when it answers this.
			if got := open.Response(open.Open("GET", "/heartbeat", true)); got.Status != 200 {
				t.Fatalf("got %d %s, want 200", got.Status, got.Body)
			}
			proxy.Signal(t, syscall.SIGTERM)
			for _, c := range []*proxytest.HTTP2Client{unused, idle} {
				for c.GoAway == nil && c.Read() {
				}
				if c.GoAway == nil || *c.GoAway != http2.ErrCodeNo {
					t.Errorf("an idle connection: got GOAWAY %v, %v, want NO_ERROR", c.GoAway, c.Err)
				}
			}
			for _, id := range streams {
				open.Send(id, "ue=1", true)
			}
			for _, id := range streams {
				if got := open.Response(id); got.Status != 200 {
					t.Errorf("an open stream: got %d %s, want 200", got.Status, got.Body)
				}
			}
			for _, c := range []*proxytest.HTTP2Client{unused, idle, open} {
				if c.ReadToEnd(); c.GoAway == nil || *c.GoAway != http2.ErrCodeNo {
					t.Errorf("at the end: got GOAWAY %v, %v, want NO_ERROR", c.GoAway, c.Err)
				}
			}
			proxy.WaitStopped(t)
			if got := len(statsd.All(t)); got != 11 {
				t.Errorf("StatsD has received %d lines, want 11", got)
			}
		})
	}
}

// h2loadAccepted matches the number of responses with 200 in the output of h2load.
var h2loadAccepted = regexp.MustCompile(`(?m)^status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx$`)

// h2load sends requests while the proxy shuts down. StatsD receives what was answered.
func TestShutdownUnderLoadLosesNothing(t *testing.T) {
	t.Parallel()
	h2load := testutil.NeedCommand(t, "h2load")
	for name, secure := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statsd := testutil.StartFakeStatsD(t)
			proxy := startProxy(t, secure, "--statsd-port="+statsd.Port)
			body := filepath.Join(t.TempDir(), "body")
			if err := os.WriteFile(body, []byte("value=1"), 0o600); err != nil {
				t.Fatal(err)
			}
			load := testutil.Start(t, exec.Command(h2load, "--requests=10000000", "--clients=4", "--max-concurrent-streams=20",
				"--data", body, proxy.URL+"/count/load"))
			statsd.WaitForCount(t, 5000)
			proxy.Stop(t)
			load.Wait(t, testutil.Patience)
			accepted := h2loadAccepted.FindStringSubmatch(load.Stdout.String())
			if accepted == nil {
				t.Fatalf("h2load has seen other responses than 200:\n%s", load.Stdout.String())
			}
			want, err := strconv.Atoi(accepted[1])
			if err != nil {
				t.Fatal(err)
			}
			if got := len(statsd.All(t)); got != want {
				t.Errorf("StatsD has received %d lines, want %d, for as many responses with 200", got, want)
			}
		})
	}
}
