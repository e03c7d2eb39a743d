package testutil

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Proxy is a running proxy.
type Proxy struct {
	*Process
	Address string // host and port of its listener, on 127.0.0.1
	URL     string // http:// or https:// and Address
	Client  *http.Client
}

// ProxyCommand returns a command that runs the program. Its environment has no
// options; append to it to add some. If the test's own environment has RACE=1, the
// program is built with the race detector.
func ProxyCommand(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	if os.Getenv("RACE") == "1" {
		cmd := command(t, raceBinary, args)
		cmd.Env = append(cmd.Env, "GORACE=atexit_sleep_ms=0") // by default it sleeps for a second at exit
		return cmd
	}
	return PlainProxyCommand(t, args...)
}

// PlainProxyCommand is ProxyCommand for tests that measure memory: the program is
// never built with the race detector.
func PlainProxyCommand(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	return command(t, plainBinary, args)
}

func command(t testing.TB, binary func() (string, error), args []string) *exec.Cmd {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatalf("build the program: %v", err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{}
	return cmd
}

// StartProxy starts the program with args on a free port and waits until it
// accepts connections.
func StartProxy(t testing.TB, args ...string) *Proxy {
	t.Helper()
	return StartProxyCommand(t, ProxyCommand(t, append([]string{"--http-port=0"}, args...)...))
}

// StartProxyWith is StartProxy with more sources of options: environment holds
// variables like RATE_LIMIT=5, without the program's prefix, and file is the text of
// a --config file.
func StartProxyWith(t testing.TB, environment []string, file string, args ...string) *Proxy {
	t.Helper()
	path := filepath.Join(t.TempDir(), "options")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := ProxyCommand(t, append([]string{"--http-port=0", "--config=" + path}, args...)...)
	for _, variable := range environment {
		cmd.Env = append(cmd.Env, "STATSD_HTTP_PROXY_"+variable)
	}
	return StartProxyCommand(t, cmd)
}

// StartSecureProxy is StartProxy with HTTPS. Its certificate is SharedCertificate.
func StartSecureProxy(t testing.TB, args ...string) *Proxy {
	t.Helper()
	return StartProxy(t, append(secureOptions(t), args...)...)
}

// secureOptions returns the options with which the program serves SharedCertificate.
func secureOptions(t testing.TB) []string {
	t.Helper()
	cert, key := SharedCertificate(t).Write(t, t.TempDir(), "tls.crt", "tls.key")
	return []string{"--tls-cert=" + cert, "--tls-key=" + key}
}

// acceptingLine matches the line that the program logs when it accepts connections.
var acceptingLine = regexp.MustCompile(`msg="accepting connections" address=(\S+) tls=(true|false) .*\n`)

// StartProxyCommand starts a proxy with cmd and waits until it accepts connections.
func StartProxyCommand(t testing.TB, cmd *exec.Cmd) *Proxy {
	t.Helper()
	p := &Proxy{Process: Start(t, cmd)}
	var line []string
	p.WaitReady(t, func() bool {
		line = acceptingLine.FindStringSubmatch(p.Stderr.String())
		return line != nil
	})
	_, port, err := net.SplitHostPort(line[1])
	if err != nil {
		t.Fatalf("the proxy logs a wrong address: %v", err)
	}
	p.Address = net.JoinHostPort("127.0.0.1", port)
	p.URL = "http://" + p.Address
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	if line[2] == "true" {
		p.URL = "https://" + p.Address
		transport.TLSClientConfig = SharedCertificate(t).ClientConfig.Clone()
	}
	t.Cleanup(transport.CloseIdleConnections)
	p.Client = &http.Client{Transport: transport, Timeout: Patience}
	return p
}

// Stop closes the idle connections of p.Client, sends SIGTERM to the proxy and
// fails the test unless the proxy exits with code 0 within 30 seconds. The proxy
// would wait half a second for an idle connection.
func (p *Proxy) Stop(t testing.TB) {
	t.Helper()
	p.Client.CloseIdleConnections()
	p.Process.Stop(t)
}

// WaitDraining waits until the proxy accepts no more connections.
func (p *Proxy) WaitDraining(t testing.TB) {
	t.Helper()
	Eventually(t, "the proxy to stop listening", func() bool {
		conn, err := net.DialTimeout("tcp", p.Address, 100*time.Millisecond)
		if err != nil {
			return true
		}
		conn.Close()
		return false
	})
}

// adminLine matches the line that the program logs when it serves the admin listener.
var adminLine = regexp.MustCompile(`msg="serving the admin listener" address=(\S+)\n`)

// AdminURL returns the URL of the admin listener of a proxy with --admin-listen=127.0.0.1:0.
func (p *Proxy) AdminURL(t testing.TB) string {
	t.Helper()
	var line []string
	Eventually(t, "the address of the admin listener", func() bool {
		line = adminLine.FindStringSubmatch(p.Stderr.String())
		return line != nil
	})
	return "http://" + line[1]
}

// WaitForLog waits until text stands in the proxy's log the given number of times.
func (p *Proxy) WaitForLog(t testing.TB, text string, times int) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%d log entries with %s", times, text), func() bool {
		return strings.Count(p.Stderr.String(), text) >= times
	})
}
