package transport_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"statsd-http-proxy/internal/exchange"
	"statsd-http-proxy/internal/limit"
	"statsd-http-proxy/internal/proxytest"
)

func TestConnectionsAreCounted(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) { o.Conns = limit.NewConns(0, 2, nil) })
	idle, active := p.Dial(), p.Dial()
	defer idle.Close()
	defer active.Close()
	if _, err := active.Write([]byte("POST /count/k HTTP/1.1\r\n")); err != nil {
		t.Fatal(err)
	}
	third := p.Dial()
	defer third.Close()
	proxytest.Poll(t, func() bool {
		s := p.Stats()
		return s.ConnsActive == 1 && s.ConnsIdle == 1 && s.ConnsAccepted == 2 && s.ConnsRejected == limit.ConnsRejected{PerAddress: 1}
	})
	if _, err := active.Write([]byte("Host: h\r\nContent-Length: 0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	proxytest.Poll(t, func() bool { s := p.Stats(); return s.ConnsActive == 0 && s.ConnsIdle == 2 })
	idle.Close()
	active.Close()
	proxytest.Poll(t, func() bool { s := p.Stats(); return s.ConnsActive == 0 && s.ConnsIdle == 0 })
	if s := p.Stats(); s.ConnsAccepted != 2 {
		t.Errorf("got %d accepted connections, want 2", s.ConnsAccepted)
	}
}

func TestDurationsAreObserved(t *testing.T) {
	p := proxytest.Start(t)
	for range 3 {
		p.Do("GET", "/heartbeat", "")
	}
	proxytest.Poll(t, func() bool {
		s := p.Stats().Requests
		sum := uint64(0)
		for _, n := range s.Buckets {
			sum += n
		}
		return sum == 3 && s.Seconds > 0
	})
}

func TestRequestsAreCounted(t *testing.T) {
	p := proxytest.Start(t)
	p.Do("POST", "/count/k", "value=1")
	p.Do("POST", "/count/k", "value=x")
	p.Do("POST", "/count/k", "value=y")
	requests := p.Stats().Requests
	requests.Requests(func(route exchange.Route, code int, n uint64) {
		want := uint64(0)
		if route == exchange.RouteCount {
			want = map[int]uint64{200: 1, 400: 2}[code]
		}
		if n != want {
			t.Errorf("%s %d: got %d requests, want %d", route, code, n, want)
		}
	})
	if want := uint64(3 * len("value=1")); requests.BodyBytes != want {
		t.Errorf("got %d bytes of bodies, want %d", requests.BodyBytes, want)
	}
}

func TestStreamsMakeAConnectionActive(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS)
	c := p.DialHTTP2()
	defer func() { _ = c.Conn.Close() }()
	if got := c.Do("GET", "/heartbeat", ""); got.Status != 200 {
		t.Fatalf("got %d, want 200", got.Status)
	}
	proxytest.Poll(t, func() bool { s := p.Stats(); return s.ConnsActive == 0 && s.ConnsIdle == 1 })
}

func TestHandshakesAreCounted(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) { o.HandshakeTimeout = time.Second })
	config := &tls.Config{InsecureSkipVerify: true, ClientSessionCache: tls.NewLRUClientSessionCache(1), ServerName: "h", NextProtos: []string{"http/1.1"}}
	for range 2 {
		conn := tls.Client(p.Dial(), config)
		p.RoundTrip(conn, "GET", "GET /heartbeat HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
		conn.Close()
	}
	bad := p.Dial()
	defer bad.Close()
	if _, err := bad.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	proxytest.Poll(t, func() bool { return p.Stats().HandshakesFailed == 1 })
	p.Dial().Close() // begins no handshake
	broken := p.Dial()
	if _, err := broken.Write([]byte("\x16\x03")); err != nil {
		t.Fatal(err)
	}
	broken.Close()
	proxytest.Poll(t, func() bool { return p.Stats().HandshakesFailed == 2 })
	var silent net.Conn = p.Dial()
	defer silent.Close()
	proxytest.Poll(t, func() bool { return p.Stats().HandshakesWaiting == 1 })
	proxytest.Poll(t, func() bool { s := p.Stats(); return s.HandshakesTimedOut == 1 && s.HandshakesWaiting == 0 })
	if s := p.Stats(); s.HandshakesFull != 1 || s.HandshakesResumed != 1 || s.HandshakesFailed != 2 {
		t.Errorf("got %d full, %d resumed, %d failed handshakes, want 1, 1 and 2", s.HandshakesFull, s.HandshakesResumed, s.HandshakesFailed)
	}
}
