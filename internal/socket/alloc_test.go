//go:build unix && !race

package socket

import (
	"syscall"
	"testing"
)

func TestCallsAllocateNothing(t *testing.T) {
	here, there := pair(t, "tcp", "127.0.0.1:0")
	w := NewWriter(here)
	text, dst := []byte("abc"), make([]byte, 3)
	var receiveErr error
	receive := func(fd uintptr) bool {
		_, _, receiveErr = Receive(fd, dst)
		return receiveErr != syscall.EAGAIN
	}
	raw := rawOf(t, there)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := w.TryWrite(text); err != nil {
			t.Fatal(err)
		}
		if err := raw.Read(receive); err != nil || receiveErr != nil {
			t.Fatal(err, receiveErr)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
