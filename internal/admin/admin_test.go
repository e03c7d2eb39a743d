package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"statsd-http-proxy/internal/auth"
	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/ingest"
	"statsd-http-proxy/internal/sender"
	"statsd-http-proxy/internal/top"
	"statsd-http-proxy/internal/transport"
)

// timeout bounds each wait of a test.
const timeout = 10 * time.Second

// fixture are sources that a test can change.
type fixture struct {
	requests *exchange.Stats
	accepted atomic.Uint64
	reloads  Reloads
	server   StatsDServer
}

func newFixture() *fixture {
	return &fixture{requests: exchange.NewStats(), server: StatsDServer{Name: "statsd.example:8125", Stats: sender.Stats{IsUp: true}}}
}

func (f *fixture) sources() Sources {
	return Sources{
		Version: "1.2.3", Revision: "abc def", GoVersion: "go1",
		HTTP: func() transport.Stats { return transport.Stats{Requests: f.requests.Snapshot()} },
		Ingest: func() ingest.Stats {
			var s ingest.Stats
			s.Accepted[0] = f.accepted.Load()
			return s
		},
		Tokens:          func() auth.Stats { return auth.Stats{} },
		JWKSLastSuccess: func() int64 { return 0 },
		Servers:         func() []StatsDServer { return []StatsDServer{f.server} },
		Reloads:         &f.reloads,
		Expiry:          func() time.Time { return time.Time{} },
		LogLinesDropped: func() uint64 { return 0 },
	}
}

// start starts a Server for f on an address and returns the URL and a client.
func (f *fixture) start(t *testing.T, address string, ready *Readiness) (url string, client *http.Client) {
	t.Helper()
	listener, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	network, name := "tcp", listener.Addr().String()
	if listener.Addr().Network() == "unix" {
		network = "unix"
	}
	s := Start(listener, Options{Sources: f.sources(), Ready: ready, Top: top.New()})
	client = &http.Client{Timeout: timeout, Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial(network, name) },
	}}
	t.Cleanup(func() {
		client.CloseIdleConnections()
		s.Close()
	})
	return "http://" + listener.Addr().String(), client
}

// get returns the status and the body of a response.
func get(t *testing.T, client *http.Client, url string, header ...string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestHealthChecksSayWhy(t *testing.T) {
	f := newFixture()
	ready := &Readiness{AwayTimeout: time.Minute, Servers: func() []StatsDServer { return []StatsDServer{f.server} }}
	url, client := f.start(t, "127.0.0.1:0", ready)
	address := strings.TrimPrefix(url, "http://")
	check := func(status int, want string, health string) {
		t.Helper()
		if got, body := get(t, client, url+"/readyz"); got != status || body != want {
			t.Errorf("/readyz: got %d %q, want %d %q", got, body, status, want)
		}
		got := ""
		if err := Check(address); err != nil {
			got = err.Error()
		}
		if got != health {
			t.Errorf("health: got %q, want %q", got, health)
		}
	}
	check(200, "ok", "")
	f.server.IsUp, f.server.AwaySince = false, time.Now().Add(-30*time.Second)
	check(200, "ok", "")
	f.server.AwaySince = time.Now().Add(-90 * time.Second)
	const away = "the StatsD server statsd.example:8125 has been away for 1m30s"
	check(503, away+"\n", "not ready: "+away)
	ready.SetStopping()
	const stopping = "the proxy is shutting down"
	check(503, stopping+"\n"+away+"\n", "not ready: "+stopping+"; "+away)
	if status, body := get(t, client, url+"/livez"); status != 200 || body != "ok" {
		t.Errorf("/livez: got %d %q, want 200 ok", status, body)
	}
}

func TestHealthNamesTheAddress(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	if err := Check(address); err == nil || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want that %s refuses", err, address)
	}
	if err := Check("unix:/nonexistent/socket"); err == nil || !strings.Contains(err.Error(), "unix:/nonexistent/socket") {
		t.Errorf("got %v, want the path", err)
	}
}

func TestHealthAsksAListenerOnAllInterfaces(t *testing.T) {
	f := newFixture()
	url, _ := f.start(t, ":0", new(Readiness))
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	for _, address := range []string{":" + port, "0.0.0.0:" + port, "[::]:" + port} {
		if err := Check(address); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}

func TestOtherRequestsAreRejected(t *testing.T) {
	f := newFixture()
	url, client := f.start(t, "127.0.0.1:0", new(Readiness))
	for path, want := range map[string]int{"/": 404, "/count/k": 404, "/heartbeat": 404, "/metrics/x": 404, "/debug/pprof/cmdline": 403} {
		if status, _ := get(t, client, url+path); status != want {
			t.Errorf("%s: got %d, want %d", path, status, want)
		}
	}
	response, err := client.Post(url+"/metrics", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 405 {
		t.Errorf("POST /metrics: got %d, want 405", response.StatusCode)
	}
}

func TestProfilesAreServed(t *testing.T) {
	f := newFixture()
	url, client := f.start(t, "127.0.0.1:0", new(Readiness))
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/debug/pprof/heap", "/debug/pprof/profile?seconds=1", "/debug/pprof/trace?seconds=0.1"} {
		if status, body := get(t, client, url+path); status != 200 || body == "" {
			t.Errorf("%s: got %d and %d bytes, want 200", path, status, len(body))
		}
	}
}

// TestManyScrapersShareTheWork opens many connections, some of which read nothing.
func TestManyScrapersShareTheWork(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	f := newFixture()
	gathered := new(atomic.Int64)
	sources := f.sources()
	sources.JWKSLastSuccess = func() int64 { return gathered.Add(1) }
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Start(listener, Options{Sources: sources, Ready: new(Readiness)})
	defer s.Close()
	var open []net.Conn
	for i := range 3 * maxConns {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		open = append(open, conn)
		if i%2 == 0 {
			fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n") // and never reads
		} else {
			fmt.Fprint(conn, "GET /met")
		}
	}
	// A good scraper is served, and sees what happened before.
	f.accepted.Store(42)
	client := &http.Client{Timeout: timeout}
	defer client.CloseIdleConnections()
	status, body := get(t, client, "http://"+listener.Addr().String()+"/metrics")
	if status != 200 || !strings.Contains(body, namespace+`metrics_accepted_total{type="count"} 42`+"\n") {
		t.Errorf("got %d and %d bytes", status, len(body))
	}
	if n := gathered.Load(); n > maxConns {
		t.Errorf("the metrics were gathered %d times", n)
	}
	// The oldest connections were closed.
	closed := 0
	for _, conn := range open[:maxConns] {
		if err := conn.SetReadDeadline(time.Now().Add(timeout)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); !errors.Is(err, os.ErrDeadlineExceeded) {
			closed++
		}
	}
	if closed != maxConns {
		t.Errorf("%d of %d old connections are closed", closed, maxConns)
	}
}

func TestOpenMetricsHasNoClashingNames(t *testing.T) {
	f := newFixture()
	url, client := f.start(t, "127.0.0.1:0", new(Readiness))
	_, text := get(t, client, url+"/metrics")
	_, openMetrics := get(t, client, url+"/metrics", "Accept", "application/openmetrics-text; version=1.0.0")
	if !strings.HasSuffix(openMetrics, "# EOF\n") || strings.Contains(text, "# EOF") {
		t.Error("the formats are not as they were asked for")
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(openMetrics) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[1] == "TYPE" {
			if seen[fields[2]] {
				t.Errorf("%s stands twice", fields[2])
			}
			seen[fields[2]] = true
		}
	}
	for _, want := range []string{"http_connections_total counter", "http_connections gauge"} {
		if !strings.Contains(text, "# TYPE "+namespace+want+"\n") {
			t.Errorf("the text has no %s", want)
		}
	}
	if !strings.Contains(openMetrics, "# TYPE "+namespace+"http_connections_total unknown\n") {
		t.Error("the counter of connections clashes with the gauge")
	}
}
