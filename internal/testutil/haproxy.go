package testutil

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// haproxyConf is the start of every configuration. This HAProxy runs as the user who
// runs the test. At a reload, it gives its listening sockets away: if it closed them, the
// kernel would reset connections that it has not accepted yet.
const haproxyConf = `
global
    maxconn 1000
    stats socket %s mode 600 level admin expose-fd listeners
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
%s
`

// HAProxy is a running HAProxy.
type HAProxy struct {
	*Process
	program, file string
	socket        string // through which it gives its listening sockets away
}

// StartHAProxy starts HAProxy with conf after some defaults and waits until it listens
// on address. HAProxy stops with the test.
func StartHAProxy(t testing.TB, address, conf string) *HAProxy {
	t.Helper()
	dir, err := os.MkdirTemp("", "haproxy") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &HAProxy{program: NeedCommand(t, "haproxy"), file: filepath.Join(dir, "haproxy.cfg"), socket: filepath.Join(dir, "haproxy.sock")}
	if err := os.WriteFile(h.file, fmt.Appendf(nil, haproxyConf, h.socket, conf), 0o644); err != nil {
		t.Fatal(err)
	}
	MustRun(t, exec.Command(h.program, "-c", "-f", h.file))
	h.Process = Start(t, exec.Command(h.program, "-db", "-f", h.file))
	h.WaitReady(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return h
}

// Reload starts another HAProxy with the same configuration, which tells this one to
// finish its requests and to exit. It returns when that has happened.
func (h *HAProxy) Reload(t testing.TB) *HAProxy {
	t.Helper()
	next := &HAProxy{program: h.program, file: h.file, socket: h.socket}
	next.Process = Start(t, exec.Command(h.program, "-db", "-f", h.file, "-x", h.socket, "-sf", strconv.Itoa(h.Cmd.Process.Pid)))
	h.Wait(t, Patience)
	return next
}
