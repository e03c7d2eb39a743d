package transport_test

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/transport"
)

func TestSlowStreamsAreCutOff(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		c := p.DialHTTP2()
		for _, part := range []string{"", "value="} {
			id := c.Open("POST", "/count/k", false, "content-length", "7")
			c.Send(id, part, false)
			p.Rejects("a body that stalls", c.Response(id), 408, "in time")
		}
		id := c.Open("POST", "/count/k", false, "content-length", "20000")
		c.Send(id, "value=", false)
		p.Rejects("a large body that stalls", c.Response(id), 408, "in time")
		p.Forwards("the connection goes on", c.Do("POST", "/count/k", "value=1"), "k:1|c")
	}, proxytest.WithTLS, func(o *proxytest.Options) { o.ReadTimeout = time.Second / 2 })
}

func TestIdleHTTP2ConnectionsAreClosed(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		p.DialHTTP2().ReadToEnd() // it never sends a request

		used := p.DialHTTP2()
		p.Forwards("request", used.Do("POST", "/count/k", "value=1"), "k:1|c")
		used.ReadToEnd()
		if used.GoAway == nil || *used.GoAway != http2.ErrCodeNo {
			t.Errorf("the connection ends with GOAWAY %v", used.GoAway)
		}

		head := p.DialHTTP2()
		p.Forwards("request", head.Do("POST", "/count/k", "value=1"), "k:1|c")
		head.Check(head.Framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: head.Pack(":method", "POST")}))
		head.ReadToEnd() // its headers are not complete

		var begun []io.Reader
		for _, begin := range []string{"", http2.ClientPreface[:10], http2.ClientPreface, "GET / HTTP/1.1\r\n\r\n"} {
			conn := tls.Client(p.Dial(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
			if _, err := io.WriteString(conn, begin); err != nil {
				t.Fatal(err)
			}
			begun = append(begun, conn)
		}
		for i, conn := range begun {
			_, err := io.ReadAll(conn)
			if ne, ok := err.(interface{ Timeout() bool }); ok && ne.Timeout() {
				t.Errorf("connection %d stays open", i)
			}
		}
	}, proxytest.WithTLS, func(o *proxytest.Options) {
		o.ReadTimeout = time.Second
		o.IdleTimeout = 100 * time.Millisecond
	})
}

// TestClientsThatDoNotReadAreCutOff has responses wait for the flow control of a client, and
// for room in a socket.
func TestClientsThatDoNotReadAreCutOff(t *testing.T) {
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) {
		o.ReadTimeout = time.Second / 2
		o.WriteTimeout = 50 * time.Millisecond
		o.ServesClient = true
	})
	c := p.DialHTTP2(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	for range 2 {
		var ids []uint32
		for range maxStreams {
			ids = append(ids, c.Open("POST", "/count/k?value=x", true))
		}
		for _, id := range ids {
			if a := c.Response(id); a.Status != -1 {
				t.Fatalf("a response without a window: %d %q", a.Status, a.Body)
			}
		}
	}
	c.Conn.Close()

	c = p.DialHTTP2()
	err := c.Framer.WriteWindowUpdate(0, 1<<30)
	for err == nil {
		_, err = c.TryOpen("GET", "/client.js", true) // a large response
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a client that does not read is not cut off")
	}
	proxytest.Poll(t, func() bool { return p.CountConns(transport.StateActive) == 0 })
}
