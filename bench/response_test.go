//go:build linux

package main

import (
	"strings"
	"testing"
)

func TestResponseLength(t *testing.T) {
	f := func(received string, want int) {
		t.Helper()
		for _, more := range []string{"", "HTTP/1.1 200 OK\r\n"} {
			if want == 0 && more != "" {
				continue
			}
			if got, err := responseLength([]byte(received + more)); got != want || err != nil {
				t.Errorf("%q: got %d, %v, want %d", received+more, got, err, want)
			}
		}
	}
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
	f("", 0)
	f("HTT", 0)
	f(head[:len(head)-1], 0)
	f(head, len(head)+3)
	f(head+"abc", len(head)+3)
	f(strings.ReplaceAll(head, "Content-Length: ", "content-length:"), len(head)+2)
	f("HTTP/1.1 200 OK\r\nX-Content-Length: 7\r\nContent-Length: 0\r\n\r\n", 59)
}

func TestBadResponse(t *testing.T) {
	f := func(received string) {
		t.Helper()
		if got, err := responseLength([]byte(received)); err == nil {
			t.Errorf("%q: got %d, want an error", received, got)
		}
	}
	f("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
	f("HTTP/1.1 200 OK\r\n\r\n")
	f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	f("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n")
	f("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n")
}

func TestResponseInPieces(t *testing.T) {
	const whole = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
	var r response
	for range 2 { // the second response follows the first
		for i := range whole {
			done, err := r.add(copy(r.room(), whole[i:i+1]))
			if err != nil || done != (i == len(whole)-1) {
				t.Fatalf("after %q: got %t, %v", whole[:i+1], done, err)
			}
		}
	}
	if _, err := r.add(copy(r.room(), whole+"H")); err == nil {
		t.Error("two responses to a request are not an error")
	}
}
