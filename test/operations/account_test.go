package operations

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// tcpStatsD counts the lines that it receives over TCP.
type tcpStatsD struct {
	listener net.Listener
	lines    atomic.Int64
}

// startTCPStatsD starts a StatsD on an address, which may have the port 0. Stop it with
// listener.Close.
func startTCPStatsD(t *testing.T, address string) *tcpStatsD {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &tcpStatsD{listener: listener}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(s, conn)
			}()
		}
	}()
	return s
}

// Write counts the lines in text.
func (s *tcpStatsD) Write(text []byte) (int, error) {
	s.lines.Add(int64(strings.Count(string(text), "\n")))
	return len(text), nil
}

// TestAccountsHoldWhileTheQueueIsFull fills the queue for a StatsD that is away. It then
// starts StatsD.
func TestAccountsHoldWhileTheQueueIsFull(t *testing.T) {
	t.Parallel()
	server := "127.0.0.1:" + testutil.FreePort(t)
	_, port, _ := net.SplitHostPort(server)
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-network=tcp", "--statsd-port="+port,
		"--statsd-buffer=100KB", "--http-timeout-idle=60")
	admin := proxy.AdminURL(t)
	batch := strings.Repeat("some.key:1|c\n", 100)
	accepted, rejected := 0, 0
	for rejected < 5 {
		switch status, body := proxy.Send(t, "/batch", batch); status {
		case http.StatusOK:
			accepted++
		case http.StatusServiceUnavailable:
			rejected++
		default:
			t.Fatalf("got %d %s", status, body)
		}
	}
	f := scrape(t, admin)
	label := "{server=" + server + "}"
	want := figures{
		"metrics_accepted_total{type=count}":        float64(100 * accepted),
		"metrics_rejected_total{reason=queue_full}": float64(100 * rejected),
		"statsd_lines_queued_total" + label:         float64(100 * accepted),
		"statsd_lines_sent_total" + label:           0,
		"statsd_queue_lines" + label:                float64(100 * accepted),
		"http_requests_total{code=503,route=batch}": float64(rejected),
		"statsd_up" + label:                         0,
		"statsd_queue_limit_bytes" + label:          100_000,
	}
	for key, n := range want {
		if f[key] != n {
			t.Errorf("%s: got %v, want %v", key, f[key], n)
		}
	}
	if f["statsd_send_errors_total"+label] == 0 || f["statsd_oldest_line_age_seconds"+label] <= 0 {
		t.Errorf("got %v errors, the oldest line is %v s old", f["statsd_send_errors_total"+label], f["statsd_oldest_line_age_seconds"+label])
	}
	statsd := startTCPStatsD(t, server)
	f = settled(t, admin, server)
	if f["statsd_up"+label] != 1 || f["statsd_lines_sent_total"+label] != float64(100*accepted) {
		t.Errorf("with StatsD: up is %v, %v lines were sent, want %d", f["statsd_up"+label], f["statsd_lines_sent_total"+label], 100*accepted)
	}
	testutil.Eventually(t, "all lines", func() bool { return statsd.lines.Load() == int64(100*accepted) })
	proxy.Stop(t)
}

// lostLine matches the line about lost lines in the log.
var lostLine = regexp.MustCompile(`msg="metrics lost" count=(\d+)`)

// TestLossAtTheStopIsCounted stops a proxy whose StatsD is away.
func TestLossAtTheStopIsCounted(t *testing.T) {
	t.Parallel()
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-network=tcp", "--statsd-port="+testutil.FreePort(t), "--shutdown-timeout=1")
	proxy.MustSendBatch(t, strings.Repeat("some.key:1|c\n", 100), 100)
	proxy.Stop(t)
	match := lostLine.FindStringSubmatch(proxy.Stderr.String())
	if match == nil || match[1] != "100" {
		t.Errorf("the log does not say that 100 lines are lost:\n%s", &proxy.Stderr)
	}
}

// TestReloadsAndConnectionsAreCounted changes a file and opens connections beyond the
// limit.
func TestReloadsAndConnectionsAreCounted(t *testing.T) {
	t.Parallel()
	secrets := filepath.Join(t.TempDir(), "secrets")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(secrets, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(testutil.LongSecret)
	proxy := testutil.StartProxy(t, "--admin-listen=127.0.0.1:0", "--statsd-port="+testutil.StartSink(t),
		"--jwt-secret-file="+secrets, "--max-conns=3", "--max-conns-per-ip=2", "--http-timeout-read=60")
	admin := proxy.AdminURL(t)
	waitFor := func(key string, want float64) {
		t.Helper()
		testutil.Eventually(t, key+" to be "+strconv.FormatFloat(want, 'f', -1, 64), func() bool { return scrape(t, admin)[key] == want })
	}
	proxy.Signal(t, syscall.SIGHUP)
	waitFor("reloads_total{file=secrets,result=ok}", 1)
	write("")
	proxy.Signal(t, syscall.SIGHUP)
	waitFor("reloads_total{file=secrets,result=error}", 1)

	dial := func(local string) {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}
		conn, err := dialer.Dial("tcp", proxy.Address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprint(conn, "G")
	}
	for range 3 {
		dial("127.0.0.1")
	}
	waitFor("http_connections_total{result=max_conns_per_ip}", 1)
	for range 2 {
		dial("127.0.0.2")
	}
	waitFor("http_connections_total{result=max_conns}", 1)
	waitFor("http_connections_total{result=accepted}", 3)
	waitFor("http_connections{state=active}", 3)
	proxy.Signal(t, syscall.SIGKILL)
}
