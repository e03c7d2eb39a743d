//go:build unix

package limit

import (
	"math"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestMaxConnsFor(t *testing.T) {
	f := func(files uint64, want int) {
		t.Helper()
		if got := maxConnsFor(files); got != want {
			t.Errorf("%d file descriptors: got %d connections, want %d", files, got, want)
		}
	}
	f(0, 1) // 0 would mean no limit
	f(1, 1)
	f(2, 1)
	f(64, 32)
	f(127, 64)
	f(128, 64)
	f(129, 65)
	f(1024, 960)
	f(1<<20, 1<<20-64)
	f(math.MaxInt32, math.MaxInt32-64)
	f(math.MaxInt32+1, 0)
	f(unix.RLIM_INFINITY, 0)
}

// TestDefaultMaxConns opens as many files as there may be connections, and then
// the reserved ones.
func TestDefaultMaxConns(t *testing.T) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	lowered := limit
	lowered.Cur = 256
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &lowered); err != nil {
		t.Skip(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	n := DefaultMaxConns()
	if n != 256-reservedFiles {
		t.Errorf("got %d connections, want %d", n, 256-reservedFiles)
	}
	conns := NewConns(n, 0, nil)
	for conns.Open(netip.Addr{}) {
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatalf("open one of %d files: %v", n, err)
		}
		defer file.Close()
	}
	for i := range reservedFiles / 2 { // the test itself has some files open
		file, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatalf("open reserved file %d: %v", i, err)
		}
		defer file.Close()
	}
}
