package transport_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

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
	p.Forwards("a request that begins during the shutdown", a, "late:0|c")
	if !a.Closes {
		t.Errorf("200 with %v", a.Header)
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

func TestDrainingServerServesOneRequest(t *testing.T) {
	p := proxytest.Start(t)
	conn := p.Dial()
	proxytest.Poll(t, func() bool { return p.CountConns(transport.StateIdle) == 1 })
	p.Drain()
	a := p.RoundTrip(conn, "POST", "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
	p.Forwards("a request that begins during the shutdown", a, "k:0|c")
	if !a.Closes {
		t.Errorf("200 with %v", a.Header)
	}
	p.EndsSilently(conn)
}

// TestShutdownClosesIdleConnections has a connection be idle for a while before the
// shutdown, and another one send a request shortly before its grace is over.
func TestShutdownClosesIdleConnections(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		idle, used := p.Dial(), p.Dial()
		time.Sleep(time.Second)
		start := time.Now()
		shut := make(chan error, 1)
		go func() { shut <- p.Shutdown(t.Context()) }()
		time.Sleep(499 * time.Millisecond)
		a := p.RoundTrip(used, "POST", "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
		p.Forwards("a request during the grace", a, "k:0|c")
		p.EndsSilently(used)
		p.EndsSilently(idle)
		if took := time.Since(start); took != 500*time.Millisecond {
			t.Errorf("an idle connection was closed after %v, want 500ms", took)
		}
		p.EndsWell(shut)
	})
}

// TestShutdownEndsWithItsContext has clients that never finish their requests.
func TestShutdownEndsWithItsContext(t *testing.T) {
	f := func(timeout, wantIdle time.Duration) {
		t.Helper()
		proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
			idle, active := p.Dial(), p.Dial()
			fmt.Fprint(active, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue")
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			start := time.Now()
			shut := make(chan error, 1)
			go func() { shut <- p.Shutdown(ctx) }()
			p.EndsSilently(idle)
			if took := time.Since(start); took != wantIdle {
				t.Errorf("with %v: an idle connection was closed after %v, want %v", timeout, took, wantIdle)
			}
			p.EndsSilently(active)
			if err := <-shut; !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != timeout {
				t.Errorf("with %v: Shutdown returned %v after %v", timeout, err, time.Since(start))
			}
		})
	}
	f(600*time.Millisecond, 300*time.Millisecond)
	f(time.Second, 500*time.Millisecond)
	f(3*time.Second, 500*time.Millisecond)
}

// TestShutdownResetsNoConnection has clients open connections all the time. Each one is
// refused or served.
func TestShutdownResetsNoConnection(t *testing.T) {
	for range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel() // some clients wait for a second until they are refused
			resetsNoConnection(t)
		})
	}
}

func resetsNoConnection(t *testing.T) {
	p := proxytest.Start(t)
	var served atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				conn, err := net.DialTimeout("tcp", p.Address, proxytest.Timeout)
				if err != nil {
					if !errors.Is(err, syscall.ECONNREFUSED) {
						t.Errorf("connect: got %v, want that the connection is refused", err)
					}
					return
				}
				fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				answer, err := io.ReadAll(conn)
				if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
					t.Errorf("an accepted connection: got %q, %v, want 200", answer, err)
				}
				conn.Close()
				served.Add(1)
			}
		})
	}
	proxytest.Poll(t, func() bool { return served.Load() >= 100 })
	ctx, cancel := context.WithTimeout(t.Context(), proxytest.Timeout)
	defer cancel()
	if err := p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	clients.Wait()
	if sent := len(p.Sink.Take()); sent != int(served.Load()) {
		t.Errorf("the proxy sent %d lines for %d requests", sent, served.Load())
	}
}
