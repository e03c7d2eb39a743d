package transport_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/transport"
)

func TestShutdownFinishesStreams(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		unused, idle, began := p.DialHTTP2(), p.DialHTTP2(), p.DialHTTP2()
		p.Forwards("idle", idle.Do("POST", "/count/idle", "value=1"), "idle:1|c")
		id := began.Open("POST", "/count/body", false)
		began.Send(id, "val", false)
		proxytest.Poll(t, func() bool { return p.BodyBytes() == 0 && p.CountConns(transport.StateActive) == 3 })
		proxytest.Poll(t, func() bool { return p.Begun.Load() == 2 })

		shut := make(chan error, 1)
		go func() { shut <- p.Shutdown(t.Context()) }()
		proxytest.Poll(t, p.IsDraining)
		a := idle.Do("POST", "/count/late", "value=1")
		p.Forwards("a request that begins during the shutdown", a, "late:1|c")
		for _, c := range []*proxytest.HTTP2Client{idle, unused} {
			c.ReadToEnd()
			if c.GoAway == nil || *c.GoAway != http2.ErrCodeNo {
				t.Errorf("the connection ends with GOAWAY %v, %v", c.GoAway, c.Err)
			}
			c.Conn.Close()
		}
		began.Send(id, "ue=1", true)
		p.Forwards("a request that had begun", began.Response(id), "body:1|c")
		began.ReadToEnd()
		began.Conn.Close()
		p.EndsWell(shut)
	}, proxytest.WithTLS)
}

// TestShutdownEndsAllStreams has the context of the shutdown end before the requests.
func TestShutdownEndsAllStreams(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	p := proxytest.Start(t, proxytest.WithTLS)
	c := p.DialHTTP2()
	for range maxStreams {
		c.Send(c.Open("POST", "/count/k", false), "value=", false)
	}
	proxytest.Poll(t, func() bool { return p.Begun.Load() > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := p.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown returns %v", err)
	}
	if sent := p.Sink.Take(); sent != nil {
		t.Errorf("sent %q", sent)
	}
	c.Conn.Close()
	<-p.Stopped
}

// TestShutdownWaitsForStreams closes the connection of a request that is being served.
func TestShutdownWaitsForStreams(t *testing.T) {
	sink := &blockingSink{release: make(chan struct{})}
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) { o.Sink = sink })
	c := p.DialHTTP2()
	c.Open("POST", "/count/evil", true)
	proxytest.Poll(t, func() bool { return sink.waiting.Load() == 1 })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	shut := make(chan struct{})
	go func() {
		defer close(shut)
		_ = p.Shutdown(ctx)
	}()
	c.ReadToEnd()
	select {
	case <-shut:
		t.Error("Shutdown has not waited")
	case <-time.After(50 * time.Millisecond): // without the wait it takes microseconds
	}
	close(sink.release)
	select {
	case <-shut:
	case <-time.After(proxytest.Timeout):
		t.Fatal("the shutdown does not end")
	}
}

func TestDrainingServerSendsGoAway(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		c := p.DialHTTP2()
		p.Drain()
		p.Forwards("a request that begins during the shutdown", c.Do("POST", "/count/k", "value=1"), "k:1|c")
		c.ReadToEnd()
		if c.GoAway == nil || *c.GoAway != http2.ErrCodeNo {
			t.Errorf("the connection ends with GOAWAY %v, %v", c.GoAway, c.Err)
		}
	}, proxytest.WithTLS)
}

// TestGoAwayIsSentAtOnce has idle connections learn of the shutdown.
func TestGoAwayIsSentAtOnce(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		unused, idle := p.DialHTTP2(), p.DialHTTP2()
		p.Forwards("idle", idle.Do("POST", "/count/idle", "value=1"), "idle:1|c")
		shut := make(chan error, 1)
		began := time.Now()
		go func() { shut <- p.Shutdown(t.Context()) }()
		for _, c := range []*proxytest.HTTP2Client{unused, idle} {
			for c.GoAway == nil {
				c.MustRead()
			}
			if took := time.Since(began); took > 0 {
				t.Errorf("GOAWAY comes after %v", took)
			}
		}
		for _, c := range []*proxytest.HTTP2Client{unused, idle} {
			c.ReadToEnd()
		}
		p.EndsWell(shut)
	}, proxytest.WithTLS)
}
