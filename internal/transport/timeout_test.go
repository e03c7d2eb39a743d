package transport_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/proxytest"
)

func TestIdleConnectionsAreClosedSilently(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) {
		o.ReadTimeout = 50 * time.Millisecond
		o.IdleTimeout = 50 * time.Millisecond
	})
	p.EndsSilently(p.Dial()) // as browsers open them, ahead of need

	conn := p.Dial()
	reader := bufio.NewReader(conn)
	if _, err := io.WriteString(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	p.Forwards("request", p.Read(reader, "POST"), "k:0|c")
	p.EndsSilently(conn)
}

// TestIdleTimeBeginsBehindTheAnswer: a client that takes its time to read has
// the time for its next request all the same.
func TestIdleTimeBeginsBehindTheAnswer(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.IdleTimeout = time.Second })
	conn := p.Dial()
	// A request is as long as the buffer, so that none waits in it, and all
	// answers are more than sockets hold.
	const head, end, count = "GET /heartbeat HTTP/1.1\r\nHost: h\r\nOrigin: ", "\r\n\r\n", 2000
	request := head + strings.Repeat("o", exchange.MaxHead-len(head+end)) + end
	stuck := make(chan struct{})
	go func() {
		rest := strings.Repeat(request, count)
		for len(rest) > 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(p.Options.IdleTimeout * 3 / 2))
			n, err := io.WriteString(conn, rest[:exchange.MaxHead])
			if rest = rest[n:]; errors.Is(err, os.ErrDeadlineExceeded) {
				close(stuck)
				_ = conn.SetWriteDeadline(time.Now().Add(proxytest.Timeout))
				_, _ = io.WriteString(conn, rest)
				return
			}
		}
	}()
	<-stuck
	for reader, i := bufio.NewReader(conn), 0; i < count; i++ {
		if a := p.Read(reader, "GET"); a.Status != 200 {
			t.Fatalf("answer %d: status %d", i, a.Status)
		}
	}
}

func TestSlowRequestsAreCutOff(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.ReadTimeout = 50 * time.Millisecond })
	for _, request := range []string{
		"POST /count/k HTTP/1.1\r\nHost:",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\nvalue=",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nval",
	} {
		p.Rejects(request, p.Raw("POST", request), 408, "in time")
	}
}
