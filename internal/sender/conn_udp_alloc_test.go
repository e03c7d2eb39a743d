//go:build !race

package sender

import (
	"net"
	"testing"
)

// TestStatusOfUDPAllocatesNothing checks the call that the loop makes every 20 ms.
func TestStatusOfUDPAllocatesNothing(t *testing.T) {
	server, err := net.ListenUDP(UDP, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	c, err := net.DialUDP(UDP, nil, server.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	u := newUDPConn(c)
	defer u.close()
	allocs := testing.AllocsPerRun(100, func() {
		if f := u.status(); f.err != nil || len(f.refused) > 0 {
			t.Fatalf("got %+v", f)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
