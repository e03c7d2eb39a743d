package testutil

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// haproxyConf is the start of every configuration. This HAProxy runs as the user who
// runs the test.
const haproxyConf = `
global
    maxconn 1000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
%s
`

// StartHAProxy starts HAProxy with conf after some defaults and waits until it listens
// on address. HAProxy stops with the test.
func StartHAProxy(t testing.TB, address, conf string) {
	t.Helper()
	program := NeedCommand(t, "haproxy")
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(file, fmt.Appendf(nil, haproxyConf, conf), 0o644); err != nil {
		t.Fatal(err)
	}
	MustRun(t, exec.Command(program, "-c", "-f", file))
	haproxy := Start(t, exec.Command(program, "-db", "-f", file))
	haproxy.WaitReady(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}
