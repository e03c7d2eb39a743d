//go:build linux

package transport_test

import (
	"bufio"
	"fmt"
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"statsd-http-proxy/internal/proxytest"
)

// TestHalfClosedConnectionEnds has clients send the end of the connection in the segment
// of the last request: nothing else ends the wait for the next request.
func TestHalfClosedConnectionEnds(t *testing.T) {
	const request = "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n"
	p := proxytest.Start(t)
	for name, last := range map[string]string{
		"whole":     request,
		"pipelined": request + request,
		"chunked":   "POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		for before := range 3 {
			conn := p.Dial().(*net.TCPConn)
			reader := bufio.NewReader(conn)
			for range before {
				fmt.Fprint(conn, request)
				p.Forwards(name, p.Read(reader, "POST"), "k:0|c")
			}
			cork(t, conn)
			fmt.Fprint(conn, last)
			if err := conn.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			if a := p.Read(reader, "POST"); a.Status != 200 {
				t.Errorf("%s: status %d", name, a.Status)
			}
			if name == "pipelined" {
				p.Read(reader, "POST")
			}
			p.EndsSilently(conn)
			p.Sink.Take()
		}
	}
}

// cork makes the kernel keep what is written to conn until conn closes.
func cork(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var corkErr error
	err = raw.Control(func(fd uintptr) { corkErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_CORK, 1) })
	if err != nil || corkErr != nil {
		t.Fatal(err, corkErr)
	}
}
