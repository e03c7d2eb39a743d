//go:build unix && !race

package sender

import (
	"syscall"
	"testing"
	"time"
)

// TestSendAllocatesNothing measures after a round through the queue, when there
// are datagrams for reuse.
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

// BenchmarkSend measures what a line costs until the kernel has it, in time of
// the processors: that of the send loop counts as well. The receiver's socket is
// full, so that its work is left out.
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

// cpuTime returns the time that processors have spent on this process.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
