//go:build !race

package transport

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"
)

// TestServingArrivedRequestsAllocatesNothing sends requests over a real connection.
func TestServingArrivedRequestsAllocatesNothing(t *testing.T) {
	s := newBenchServer(t)
	listener, err := Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(listener) }()
	client, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), benchTimeout)
		defer cancel()
		_ = s.Shutdown(ctx)
	}()
	if err := client.SetDeadline(time.Now().Add(benchTimeout)); err != nil {
		t.Fatal(err)
	}
	response := make([]byte, 4096)
	for _, r := range benchRequests {
		request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", r.target, r.contentType, len(r.body), r.body)
		allocs := testing.AllocsPerRun(100, func() {
			if _, err := client.Write(request); err != nil {
				t.Fatal(err)
			}
			if n, err := client.Read(response); err != nil || string(response[:15]) != "HTTP/1.1 200 OK" {
				t.Fatalf("%s: got %q, %v, want 200", r.name, response[:n], err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", r.name, allocs)
		}
	}
}
