package balancers

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// relay forwards TCP connections to a server and counts them.
type relay struct {
	address  string
	accepted atomic.Int32  // connections so far
	closed   chan struct{} // closed when the first connection has ended

	ended sync.Once
}

// startRelay starts a relay to the server at an address. It ends with the test.
func startRelay(t testing.TB, server string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{address: listener.Addr().String(), closed: make(chan struct{})}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			r.accepted.Add(1)
			running.Go(func() { r.forward(client, server) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return r
}

// forward copies bytes in both directions until one side closes its connection.
func (r *relay) forward(client net.Conn, address string) {
	defer r.ended.Do(func() { close(r.closed) })
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	one := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			one <- struct{}{}
		}()
	}
	<-one
}
