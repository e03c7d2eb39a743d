//go:build !race

package statsd

import (
	"runtime"
	"testing"
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

func BenchmarkSend(b *testing.B) {
	conn := listen(b)
	s, _ := startSender(b, Options{Address: conn.LocalAddr().String()})
	line := []byte("some.key.name,env=prod:100500|c")
	ends := []int{len(line)}
	b.ReportAllocs()
	for b.Loop() {
		for s.Send(line, ends) != nil { // the socket is slower
			runtime.Gosched()
		}
	}
}
