package operations

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// health runs the command health.
func health(t *testing.T, admin string) (code int, stderr string) {
	t.Helper()
	code, _, stderr = testutil.RunToEnd(t, testutil.ProxyCommand(t, "health", "--admin-listen="+admin))
	return code, stderr
}

// TestShutdownCanBeWatched has a request that is not complete, so that the shutdown lasts.
func TestShutdownCanBeWatched(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-port="+testutil.StartSink(t),
		"--http-timeout-read=60", "--shutdown-timeout=60")
	admin := proxy.AdminURL(t)
	if code, stderr := health(t, strings.TrimPrefix(admin, "http://")); code != 0 || stderr != "" {
		t.Errorf("health: got %d %q, want 0", code, stderr)
	}
	if status, body := get(t, admin+"/readyz"); status != 200 || body != "ok" {
		t.Errorf("/readyz: got %d %q, want 200 ok", status, body)
	}
	conn, err := net.Dial("tcp", proxy.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nval")
	testutil.Eventually(t, "the request to begin", func() bool { return scrape(t, admin)["http_connections{state=active}"] == 1 })
	proxy.Signal(t, syscall.SIGTERM)
	proxy.WaitDraining(t)
	const reason = "the proxy is shutting down"
	if status, body := get(t, admin+"/readyz"); status != 503 || body != reason+"\n" {
		t.Errorf("/readyz: got %d %q, want 503 and the reason", status, body)
	}
	if status, _ := get(t, admin+"/livez"); status != 200 {
		t.Errorf("/livez: got %d, want 200", status)
	}
	if code, stderr := health(t, strings.TrimPrefix(admin, "http://")); code != 1 || !strings.Contains(stderr, reason) {
		t.Errorf("health: got %d %q, want 1 and the reason", code, stderr)
	}
	fmt.Fprint(conn, "ue=1")
	proxy.Wait(t, testutil.Patience)
	if proxy.Err != nil {
		t.Errorf("got %v, want exit code 0", proxy.Err)
	}
	if conn, err := net.Dial("tcp", strings.TrimPrefix(admin, "http://")); err == nil {
		conn.Close()
		t.Error("the admin listener is still open")
	}
}

func TestListenersServeTheirOwnRoutesOnly(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-port="+testutil.StartSink(t))
	admin := proxy.AdminURL(t)
	for _, path := range []string{"/livez", "/readyz", "/metrics", "/debug/pprof/", "/debug/top"} {
		if status, _ := get(t, admin+path); status != http.StatusOK {
			t.Errorf("%s of the admin listener: got %d, want 200", path, status)
		}
		if status, _ := get(t, proxy.URL+path); status != http.StatusNotFound {
			t.Errorf("%s of the public listener: got %d, want 404", path, status)
		}
	}
	for _, path := range []string{"/count/k", "/batch", "/heartbeat"} {
		if status, _, err := testutil.Post(proxy.Client, admin+path, "value=1"); err != nil || status == http.StatusOK {
			t.Errorf("POST %s to the admin listener: got %d %v", path, status, err)
		}
	}
	proxy.Stop(t)
}

func TestAdminAddressInUseStopsTheStart(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().String()
	code, stdout, stderr := testutil.RunToEnd(t, testutil.ProxyCommand(t, "--http-port=0", "--admin-listen="+address))
	want := regexp.MustCompile(`^statsd-http-proxy: listen on the admin address "` + regexp.QuoteMeta(address) + `": .* \(stop the program .*--admin-listen\)\n$`)
	if code != 1 || stdout != "" || !want.MatchString(stderr) {
		t.Errorf("got exit code %d, %q, %q", code, stdout, stderr)
	}
}

func TestAdminListenerOnASocketIsHealthy(t *testing.T) {
	t.Parallel()
	admin := "unix:" + filepath.Join(t.TempDir(), "admin.sock")
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--admin-listen="+admin, "--statsd-port="+testutil.StartSink(t))
	proxy := testutil.StartProxyCommand(t, cmd)
	if code, stderr := health(t, admin); code != 0 {
		t.Errorf("health: got %d %q, want 0", code, stderr)
	}
	// A proxy that was killed leaves the file, which the next one replaces.
	proxy.Signal(t, syscall.SIGKILL)
	proxy.Wait(t, testutil.Patience)
	if code, _ := health(t, admin); code != 1 {
		t.Errorf("health of a dead proxy: got %d, want 1", code)
	}
	proxy = testutil.StartProxyCommand(t, testutil.ProxyCommand(t, "--http-port=0", "--admin-listen="+admin, "--statsd-port="+testutil.StartSink(t)))
	if code, stderr := health(t, admin); code != 0 {
		t.Errorf("health: got %d %q, want 0", code, stderr)
	}
	proxy.Stop(t)
}

func TestAdminListenerForOthersIsWarnedAbout(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--admin-listen=:0", "--statsd-port="+testutil.StartSink(t))
	proxy.WaitForLog(t, `level=WARN msg="other hosts can reach the admin listener`, 1)
	proxy.Stop(t)
}

// TestStatsDThatIsAwayMakesTheProxyUnready stops StatsD.
func TestStatsDThatIsAwayMakesTheProxyUnready(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--ready-statsd-timeout=0.2",
		"--statsd-network=tcp", "--statsd-port="+testutil.FreePort(t))
	admin := proxy.AdminURL(t)
	testutil.Eventually(t, "/readyz to fail", func() bool {
		status, body := get(t, admin+"/readyz")
		return status == 503 && strings.Contains(body, "has been away for")
	})
	if got := scrape(t, admin); len(got.without("statsd_up")) != len(got)-1 {
		t.Error("there is no statsd_up")
	}
	proxy.Stop(t)
}

func TestSelfMetricsReachStatsD(t *testing.T) {
	t.Parallel()
	statsd := testutil.StartFakeStatsD(t)
	proxy := testutil.StartProxy(t, "--self-metrics=proxy.one", "--statsd-port="+statsd.Port, "--metric-prefix=web")
	proxy.MustSend(t, "/count/k", "value=1")
	proxy.Stop(t)
	statsd.WaitFor(t, "web.k:1|c")
	statsd.WaitFor(t, "proxy.one.http_requests_total.count.200:1|c")
	statsd.WaitFor(t, "proxy.one.statsd_up.127.0.0.1_"+statsd.Port+":1|g")
}

func TestLogInJSONHasTheKeysOfText(t *testing.T) {
	t.Parallel()
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--log-format=json", "--statsd-port="+testutil.StartSink(t))
	process := testutil.Start(t, cmd)
	process.WaitReady(t, func() bool { return strings.Contains(process.Stderr.String(), `"accepting connections"`) })
	process.Stop(t)
	for line := range strings.Lines(process.Stderr.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["time"] == nil || entry["level"] == nil || entry["msg"] == nil {
			t.Errorf("got %s: %v", line, err)
		}
		if address, ok := entry["address"]; ok {
			if _, isText := address.(string); !isText {
				t.Errorf("the address is no text: %s", line)
			}
		}
	}
}

// TestTopNamesTheBusiest sends more metrics with one name than with others.
func TestTopNamesTheBusiest(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-port="+testutil.StartSink(t))
	for i := range 20 {
		proxy.MustSend(t, "/count/busy", "value=1&tags=env=prod", "Origin", "https://shop.example")
		if i < 3 {
			proxy.MustReject(t, "/count/rare", "value=x", 400, "value")
		}
	}
	_, text := get(t, proxy.AdminURL(t)+"/debug/top")
	want := `series
        20  busy,env=prod
names
        20  busy
clients
        23  127.0.0.1
origins
        20  https://shop.example
reasons
         3  400 parameter "value": "x" is not a number
`
	if text = strings.ReplaceAll(text, `\"`, `"`); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	proxy.Stop(t)
}
