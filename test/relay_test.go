package test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// relay passes TCP connections on to a server and counts them.
type relay struct {
	address  string
	accepted atomic.Int32  // connections so far
	closed   chan struct{} // closed when one of them has ended

	ended sync.Once
}

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
			running.Go(func() { r.pass(client, server) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		running.Wait()
	})
	return r
}

// pass copies what client and server send to each other until either ends.
func (r *relay) pass(client net.Conn, address string) {
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
