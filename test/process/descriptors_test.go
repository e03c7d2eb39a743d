package process

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/testutil"
)

// receivedLines are the lines that a StatsD server has received over TCP.
type receivedLines struct {
	mu    sync.Mutex
	lines []string
}

func (r *receivedLines) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// keepLines keeps the lines that arrive on the connections of listener, until it is
// closed.
func keepLines(listener net.Listener) *receivedLines {
	r := new(receivedLines)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for scanner := bufio.NewScanner(conn); scanner.Scan(); {
					r.mu.Lock()
					r.lines = append(r.lines, scanner.Text())
					r.mu.Unlock()
				}
			}()
		}
	}()
	return r
}

// limitFiles makes a command run with a limit of file descriptors.
func limitFiles(cmd *exec.Cmd, files int) *exec.Cmd {
	limited := exec.Command("sh", append([]string{"-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files)}, cmd.Args...)...)
	limited.Env = cmd.Env
	return limited
}

// The proxy keeps 64 of 256 file descriptors for everything but connections.
func TestStartWarnsAboutMoreConnectionsThanFileDescriptors(t *testing.T) {
	t.Parallel()
	f := func(want string, args ...string) {
		t.Helper()
		cmd := testutil.PlainProxyCommand(t, append(args, "--http-port=0")...)
		proxy := testutil.StartProxyCommand(t, limitFiles(cmd, 256))
		proxy.Process.Stop(t)
		var got []string
		for line := range strings.Lines(proxy.Stderr.String()) {
			if _, warning, ok := strings.Cut(line, "level=WARN "); ok {
				got = append(got, warning)
			}
		}
		if strings.Join(got, "") != want {
			t.Errorf("%q: got the warnings %q, want %q", args, got, want)
		}
	}
	f("")
	f("", "--max-conns=0")
	f("", "--max-conns=192")
	f(`msg="--max-conns is 193, but the limit of file descriptors (RLIMIT_NOFILE) has room for 192 connections: raise that limit or lower --max-conns"`+"\n", "--max-conns=193")
}

// The proxy may open 64 files. 100 clients take all connections that they get, while
// StatsD is away. The proxy still has file descriptors to reach it when it returns.
func TestFewFileDescriptorsLoseNoMetric(t *testing.T) {
	t.Parallel()
	const clients = 100
	port := testutil.FreePort(t)
	cmd := testutil.PlainProxyCommand(t, "--http-port=0", "--statsd-port="+port, "--statsd-network=tcp", "--http-timeout-idle=30")
	proxy := testutil.StartProxyCommand(t, limitFiles(cmd, 64))

	var mu sync.Mutex
	accepted := map[string]bool{} // lines
	stop := make(chan struct{})
	var running sync.WaitGroup
	for c := range clients {
		client := &http.Client{Transport: &http.Transport{}, Timeout: testutil.Patience}
		t.Cleanup(client.CloseIdleConnections)
		running.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond): // the pace of the client
				}
				name := fmt.Sprintf("client%d.%d", c, i)
				status, answer, err := testutil.Post(client, proxy.URL+"/count/"+name, "value=1")
				switch {
				case err != nil: // the proxy has closed a connection above its limit
				case status == http.StatusOK:
					mu.Lock()
					accepted[name+":1|c"] = true
					mu.Unlock()
				case status != http.StatusServiceUnavailable:
					t.Errorf("POST %s: got %d %s, want 200, or 503 above the limit", name, status, answer)
					return
				}
			}
		})
	}
	<-time.After(1500 * time.Millisecond) // StatsD is away
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	statsd := keepLines(listener)
	testutil.Eventually(t, "lines, while the clients are connected", func() bool { return len(statsd.all()) >= clients })
	close(stop)
	running.Wait()
	proxy.Process.Stop(t)
	if len(accepted) < clients {
		t.Errorf("the proxy accepted %d metrics, want at least %d", len(accepted), clients)
	}
	testutil.Eventually(t, "all accepted lines", func() bool { return len(statsd.all()) >= len(accepted) })
	for _, line := range statsd.all() {
		if !accepted[line] {
			t.Errorf("StatsD received %q, which was not accepted or came twice", line)
		}
		delete(accepted, line)
	}
	if len(accepted) > 0 {
		t.Errorf("StatsD has not received %d accepted lines", len(accepted))
	}
}
