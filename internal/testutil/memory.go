package testutil

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
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

// SettledMemory returns the resident memory of the proxy with an admin listener after
// garbage collections, each of which halves the stacks that are too large. The Go runtime
// returns free memory to the kernel slowly, so SettledMemory waits until the memory does
// not shrink any more.
func (p *Proxy) SettledMemory(t testing.TB, admin string) (least int) {
	t.Helper()
	least = math.MaxInt
	for waited := 0; waited < 5; waited++ {
		MustGet(t, "http://"+admin+"/debug/pprof/heap?gc=1")
		if got := p.Memory(t, ResidentMemory); got < least {
			least, waited = got, 0
		}
		time.Sleep(200 * time.Millisecond)
	}
	return least
}
