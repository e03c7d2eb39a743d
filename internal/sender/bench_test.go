//go:build unix && !race

package sender

import (
	"syscall"
	"testing"
	"time"
)

// TestSendAllocatesNothing measures Send after a packet has left.
func TestSendAllocatesNothing(t *testing.T) {
	conn := listen(t)
	s, _ := startSender(t, Options{Address: conn.LocalAddr().String()})
	line := []byte("some.key.name,env=prod:100500|c")
	ends := []int{len(line)}
	send(t, s, string(line))
	receive(t, conn)
	if allocs := testing.AllocsPerRun(10, func() { _ = s.Send(line, ends) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

// BenchmarkSend measures the CPU time of a line until the kernel has it, with the
// work of the loop. The receiver's socket is full, so its work does not count.
func BenchmarkSend(b *testing.B) {
	conn := listen(b)
	s, _ := startSender(b, Options{Address: conn.LocalAddr().String()})
	line := []byte("some.key.name,env=prod:100500|c")
	ends := []int{len(line)}
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		for s.Send(line, ends) != nil { // the socket is slower
			time.Sleep(time.Millisecond)
		}
	}
	closeSender(b, s, 3*time.Second)
	b.ReportMetric(float64(cpuTime(b)-start)/float64(b.N), "cpu-ns/op")
}

// cpuTime returns the CPU time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
