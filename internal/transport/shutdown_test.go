package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"testing"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/transport"
)

func TestShutdownFinishesActiveRequests(t *testing.T) {
	p := proxytest.Start(t)
	body, head, unused, fresh, late := p.Dial(), p.Dial(), p.Dial(), p.Dial(), p.Dial()
	bodyReader, headReader, unusedReader := bufio.NewReader(body), bufio.NewReader(head), bufio.NewReader(unused)
	fmt.Fprint(body, "POST /count/body HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nval")
	fmt.Fprint(head, "POST /count/he")
	fmt.Fprint(unused, "POST /count/idle HTTP/1.1\r\nHost: h\r\n\r\n")
	p.Forwards("idle", p.Read(unusedReader, "POST"), "idle:0|c")
	proxytest.Poll(t, func() bool { return p.CountConns(transport.StateIdle) == 3 && p.CountConns(transport.StateActive) == 2 })

	ctx, cancel := context.WithTimeout(context.Background(), proxytest.Timeout)
	defer cancel()
	shut := make(chan error, 1)
	go func() { shut <- p.Shutdown(ctx) }()
	proxytest.Poll(t, p.IsDraining)
	fmt.Fprint(late, "POST /count/late HTTP/1.1\r\nHost: h\r\n\r\n")
	a := p.Read(bufio.NewReader(late), "POST")
	p.Rejects("a request that begins during the shutdown", a, 503, "shutting down")
	if !a.Closes {
		t.Errorf("503 with %v", a.Header)
	}
	p.EndsSilently(unused)
	p.EndsSilently(fresh)
	if conn, err := net.Dial("tcp", p.Address); err == nil {
		p.EndsSilently(conn) // the kernel had accepted it
	}

	fmt.Fprint(head, "ad HTTP/1.1\r\nHost: h\r\n\r\nGET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n")
	a = p.Read(headReader, "POST")
	p.Forwards("a request whose head had begun", a, "head:0|c")
	if !a.Closes {
		t.Errorf("200 with %v", a.Header)
	}
	p.EndsSilently(head)
	fmt.Fprint(body, "ue=1")
	a = p.Read(bodyReader, "POST")
	p.Forwards("a request whose body had begun", a, "body:1|c")
	if !a.Closes {
		t.Errorf("200 with %v", a.Header)
	}
	p.EndsWell(shut)
}

func TestDrainingServerRejectsNewRequests(t *testing.T) {
	p := proxytest.Start(t)
	conn := p.Dial()
	proxytest.Poll(t, func() bool { return p.CountConns(transport.StateIdle) == 1 })
	p.Drain()
	a := p.RoundTrip(conn, "POST", "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
	p.Rejects("a request that begins during the shutdown", a, 503, "shutting down")
	if a.Header.Get("Retry-After") != "1" {
		t.Errorf("503 with %v", a.Header)
	}
}
