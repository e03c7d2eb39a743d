package operations

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// notifySocket receives what a service tells systemd.
type notifySocket struct {
	path string

	mu       sync.Mutex
	messages []string
}

func startNotifySocket(t *testing.T) *notifySocket {
	t.Helper()
	s := &notifySocket{path: filepath.Join(t.TempDir(), "notify")}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, err := conn.Read(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.mu.Lock()
			s.messages = append(s.messages, string(buffer[:n]))
			s.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		conn.Close()
		<-done
	})
	return s
}

// count returns how often a message has come.
func (s *notifySocket) count(message string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, m := range s.messages {
		if m == message {
			n++
		}
	}
	return n
}

func TestSystemdLearnsAboutTheState(t *testing.T) {
	t.Parallel()
	notify := startNotifySocket(t)
	cmd := testutil.ProxyCommand(t, "--http-port=0", "--statsd-port="+testutil.StartSink(t))
	cmd.Env = append(cmd.Env, "NOTIFY_SOCKET="+notify.path, "WATCHDOG_USEC=100000")
	proxy := testutil.StartProxyCommand(t, cmd)
	testutil.Eventually(t, "READY=1 and the watchdog", func() bool { return notify.count("READY=1") == 1 && notify.count("WATCHDOG=1") >= 3 })
	if notify.count("STOPPING=1") > 0 {
		t.Error("the proxy says that it stops")
	}
	proxy.Stop(t)
	testutil.Eventually(t, "STOPPING=1", func() bool { return notify.count("STOPPING=1") == 1 })
	notify.mu.Lock()
	defer notify.mu.Unlock()
	if ready, stopping := slices.Index(notify.messages, "READY=1"), slices.Index(notify.messages, "STOPPING=1"); ready > stopping {
		t.Errorf("got %q", notify.messages)
	}
}

func TestSystemdPassesTheSocket(t *testing.T) {
	t.Parallel()
	activate := testutil.NeedCommand(t, "systemd-socket-activate")
	statsd := testutil.StartFakeStatsD(t)
	address := "127.0.0.1:" + testutil.FreePort(t)
	// The options of the listener are replaced: nobody could listen on this address.
	proxy := testutil.ProxyCommand(t, "--http-host=192.0.2.1", "--http-port=1", "--statsd-port="+statsd.Port, "--admin-listen=127.0.0.1:0")
	cmd := exec.Command(activate, append([]string{"--listen=" + address, proxy.Path}, proxy.Args[1:]...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	process := testutil.Start(t, cmd)
	client := &http.Client{Timeout: testutil.Patience}
	defer client.CloseIdleConnections()
	process.WaitReady(t, func() bool { // the first connection starts the proxy
		status, _, err := testutil.Post(client, "http://"+address+"/count/some.key", "value=1")
		return err == nil && status == http.StatusOK
	})
	statsd.WaitFor(t, "some.key:1|c")
	if log := process.Stderr.String(); !strings.Contains(log, "address="+address+" ") {
		t.Errorf("the log does not name %s:\n%s", address, log)
	}
	client.CloseIdleConnections()
	process.Stop(t)
}

func TestTwoSocketsAreAnError(t *testing.T) {
	t.Parallel()
	activate := testutil.NeedCommand(t, "systemd-socket-activate")
	first, second := "127.0.0.1:"+testutil.FreePort(t), "127.0.0.1:"+testutil.FreePort(t)
	proxy := testutil.ProxyCommand(t)
	cmd := exec.Command(activate, "--listen="+first, "--listen="+second, proxy.Path)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	process := testutil.Start(t, cmd)
	process.WaitReady(t, func() bool {
		conn, err := net.Dial("tcp", second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	process.Wait(t, testutil.Patience)
	if code := process.Cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(process.Stderr.String(), "systemd passes 2 sockets, want 1") {
		t.Errorf("got exit code %d, %s", code, &process.Stderr)
	}
}
