//go:build unix

package transport

import (
	"io"
	"testing"
)

// TestInputHoldsNoBufferAfterARequest serves a request within the wait for it, and tries to
// write outside of the wait, where the descriptor may belong to another file.
func TestInputHoldsNoBufferAfterARequest(t *testing.T) {
	client, server := tcpPair(t)
	var in input
	request := ""
	in.useDescriptor(server, func() (goesOn bool) {
		request += string(in.bytes())
		in.skip(len(in.bytes()))
		if n := in.tryWrite([]byte("pong")); n != 4 {
			t.Errorf("within the wait: wrote %d bytes, want 4", n)
		}
		return true
	})
	if _, err := client.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if err := in.ready.Read(func(fd uintptr) bool { return in.tryRead(fd) || request != "" }); err != nil || request != "ping" {
		t.Fatalf("got the request %q, %v", request, err)
	}
	if in.buffer != nil || in.saved != nil {
		t.Error("the input holds a buffer")
	}
	if n := in.tryWrite([]byte("more")); n != 0 {
		t.Errorf("outside of the wait: wrote %d bytes, want none", n)
	}
	server.Close()
	if got, err := io.ReadAll(client); err != nil || string(got) != "pong" {
		t.Errorf("the client got %q, %v, want pong", got, err)
	}
}
