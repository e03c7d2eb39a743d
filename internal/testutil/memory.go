package testutil

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// StartMeasuredProxy is StartProxy with a program that is never built with the race
// detector, which needs memory itself.
func StartMeasuredProxy(t testing.TB, args ...string) *Proxy {
	t.Helper()
	return StartProxyCommand(t, PlainProxyCommand(t, append([]string{"--http-port=0"}, args...)...))
}

// StartMeasuredSecureProxy is StartMeasuredProxy with HTTPS, see StartSecureProxy.
func StartMeasuredSecureProxy(t testing.TB, args ...string) *Proxy {
	t.Helper()
	return StartMeasuredProxy(t, append(secureOptions(t), args...)...)
}

// The fields of /proc/*/status that Memory returns, see proc(5).
const (
	ResidentMemory = "VmRSS" // at the moment
	PeakMemory     = "VmHWM" // the most so far
)

// Memory returns how much memory the program takes, in bytes.
func (p *Process) Memory(t testing.TB, field string) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	Need(t, err == nil, "there is no /proc to read a program's memory from")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatalf("no %s in %s", field, status)
	return 0
}
