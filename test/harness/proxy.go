package harness

import (
	"net"
	"os/exec"
	"regexp"
	"testing"
)

// Proxy is a running proxy.
type Proxy struct {
	*Process
	Address string // to reach it at
	TLS     bool   // it serves HTTPS
}

// ProxyCommand is a call of the program. Its environment is empty, so that no
// option comes from there.
func ProxyCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, args...)
	cmd.Env = []string{}
	return cmd
}

var acceptingLine = regexp.MustCompile(`msg="accepting connections" address=(\S+) tls=(true|false) .*\n`)

// StartProxy starts a proxy with cmd and returns when it accepts connections.
func StartProxy(t testing.TB, cmd *exec.Cmd) *Proxy {
	t.Helper()
	p := &Proxy{Process: Start(t, cmd)}
	var line []string
	p.Ready(t, func() bool {
		line = acceptingLine.FindStringSubmatch(p.Stderr.String())
		return line != nil
	})
	_, port, err := net.SplitHostPort(line[1])
	if err != nil {
		t.Fatalf("the proxy logs a wrong address: %v", err)
	}
	p.Address = net.JoinHostPort("127.0.0.1", port)
	p.TLS = line[2] == "true"
	return p
}

// WaitDraining waits until the proxy takes no more connections.
func (p *Proxy) WaitDraining(t testing.TB) {
	t.Helper()
	Eventually(t, "the proxy to stop listening", func() bool {
		conn, err := net.Dial("tcp", p.Address)
		if err != nil {
			return true
		}
		conn.Close()
		return false
	})
}
