package transport_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"statsd-http-proxy/internal/proxytest"
)

// withTimeouts sets three timeouts that tests can tell apart.
func withTimeouts(o *proxytest.Options) {
	o.ReadTimeout, o.WriteTimeout, o.IdleTimeout = 2*time.Second, 3*time.Second, time.Second
}

// endsAfter checks that the proxy closes conn silently, timeout after start and at most an
// eighth later: deadlines move seldom.
func endsAfter(t *testing.T, p *proxytest.Proxy, conn net.Conn, start time.Time, timeout time.Duration) {
	t.Helper()
	p.EndsSilently(conn)
	if took := time.Since(start); took < timeout || took > timeout+timeout/8 {
		t.Errorf("the connection was closed after %v, want %v", took, timeout)
	}
}

func TestUnusedConnectionIsClosedSilently(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		start := time.Now()
		endsAfter(t, p, p.Dial(), start, p.Options.ReadTimeout) // browsers open them ahead of need
	}, withTimeouts)
}

func TestIdleConnectionIsClosedSilently(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		conn := p.Dial()
		reader := bufio.NewReader(conn)
		fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
		p.Forwards("request", p.Read(reader, "POST"), "k:0|c")
		endsAfter(t, p, conn, time.Now(), p.Options.IdleTimeout)
	}, withTimeouts)
}

// TestIdleSocketIsClosedSilently has a socket, whose requests are served within the wait for
// them. It would stay open until the test fails if another timeout ran after a request.
func TestIdleSocketIsClosedSilently(t *testing.T) {
	p := proxytest.Start(t, func(o *proxytest.Options) {
		o.ReadTimeout, o.IdleTimeout = 10*proxytest.Timeout, 50*time.Millisecond
	})
	conn := p.Dial()
	fmt.Fprint(conn, "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n")
	reader := bufio.NewReader(conn)
	if a := p.Read(reader, "GET"); a.Status != 200 {
		t.Fatalf("status %d", a.Status)
	}
	p.EndsSilently(conn)
}

// TestBusySocketIsClosedSilently has requests follow each other fast. The connection looks for
// the client's end of the connection before the idle timeout is over.
func TestBusySocketIsClosedSilently(t *testing.T) {
	t.Parallel()
	const timeout = 1500 * time.Millisecond
	p := proxytest.Start(t, func(o *proxytest.Options) {
		o.ReadTimeout, o.IdleTimeout = 10*proxytest.Timeout, timeout
	})
	conn := p.Dial()
	reader := bufio.NewReader(conn)
	var last time.Time
	for range 4 {
		fmt.Fprint(conn, "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n")
		if a := p.Read(reader, "GET"); a.Status != 200 {
			t.Fatalf("status %d", a.Status)
		}
		last = time.Now()
	}
	p.EndsSilently(conn)
	// The timeout began before the client had the response.
	if took := time.Since(last); took < timeout*9/10 {
		t.Errorf("the connection was closed after %v, want %v", took, timeout)
	}
}

// TestIdleTimeoutStartsAfterTheResponse has a client take longer to read a response than
// the idle timeout is.
func TestIdleTimeoutStartsAfterTheResponse(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		conn := p.Dial()
		reader := bufio.NewReader(conn)
		for range 3 {
			fmt.Fprint(conn, "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n")
			time.Sleep(p.Options.IdleTimeout * 3 / 2)
			if a := p.Read(reader, "GET"); a.Status != 200 {
				t.Fatalf("status %d", a.Status)
			}
			time.Sleep(p.Options.IdleTimeout * 9 / 10)
		}
	}, withTimeouts)
}

// TestSlowReaderIsCutOff has a client not read its response at all.
func TestSlowReaderIsCutOff(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		conn := p.Dial()
		fmt.Fprint(conn, "GET /heartbeat HTTP/1.1\r\nHost: h\r\n\r\n")
		time.Sleep(p.Options.WriteTimeout + p.Options.WriteTimeout/8 + time.Millisecond)
		endsAfter(t, p, conn, time.Now(), 0)
	}, withTimeouts)
}

func TestSlowRequestsAreCutOff(t *testing.T) {
	for _, request := range []string{
		"P",
		"POST /count/k HTTP/1.1\r\nHost:",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\nvalue=",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nval",
	} {
		proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
			start := time.Now()
			p.Rejects(request, p.Raw("POST", request), 408, "in time")
			if took := time.Since(start); took != p.Options.ReadTimeout {
				t.Errorf("%q: cut off after %v, want %v", request, took, p.Options.ReadTimeout)
			}
		}, withTimeouts)
	}
}

// TestSlowRequestGetsTheDateOfItsResponse has a body come a second after its head. The server
// keeps the date of the request before for the rest of that second.
func TestSlowRequestGetsTheDateOfItsResponse(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		conn := p.Dial()
		reader := bufio.NewReader(conn)
		for _, pause := range []time.Duration{0, time.Second} {
			fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n")
			time.Sleep(pause)
			fmt.Fprint(conn, "value=1")
			a := p.Read(reader, "POST")
			p.Forwards("a request", a, "k:1|c")
			if got, want := a.Header.Get("Date"), time.Now().UTC().Format(http.TimeFormat); got != want {
				t.Errorf("after a pause of %s, the date is %q, want %q", pause, got, want)
			}
		}
	}, withTimeouts)
}

// TestSlowHeadRequestGetsNoBody sends a part of a head over a socket: the proxy has put the
// part aside while it waited for the rest.
func TestSlowHeadRequestGetsNoBody(t *testing.T) {
	f := func(name string, open func(net.Conn) net.Conn, changes ...func(*proxytest.Options)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := proxytest.Start(t, append(changes, func(o *proxytest.Options) { o.ReadTimeout = time.Second })...)
			conn := open(p.Dial())
			fmt.Fprint(conn, "HEAD /heartbeat HTTP/1.1\r\nHost:")
			text, err := io.ReadAll(conn)
			if _, body, ok := strings.Cut(string(text), "\r\n\r\n"); err != nil || !ok || body != "" || !strings.HasPrefix(string(text), "HTTP/1.1 408 ") {
				t.Errorf("got %q, %v, want 408 without a body", text, err)
			}
		})
	}
	f("plain", func(c net.Conn) net.Conn { return c })
	f("TLS", func(c net.Conn) net.Conn { return tls.Client(c, &tls.Config{InsecureSkipVerify: true}) }, proxytest.WithTLS)
}

// TestDrippingRequestsAreCutOff has clients send a byte now and then: the read timeout is for
// the whole request.
func TestDrippingRequestsAreCutOff(t *testing.T) {
	for _, begin := range []string{
		"POST /count/k HTTP/1.1\r\nHost: h\r\nX: ",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n",
		"POST /count/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;",
	} {
		proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
			conn := p.Dial()
			start := time.Now()
			fmt.Fprint(conn, begin)
			var dripping sync.WaitGroup
			dripping.Go(func() {
				for {
					time.Sleep(p.Options.ReadTimeout / 20)
					if _, err := io.WriteString(conn, "1"); err != nil {
						return
					}
				}
			})
			defer dripping.Wait()
			defer conn.Close()
			p.Rejects(begin, p.Read(bufio.NewReader(conn), "POST"), 408, "in time")
			if took := time.Since(start); took != p.Options.ReadTimeout {
				t.Errorf("%q: cut off after %v, want %v", begin, took, p.Options.ReadTimeout)
			}
		}, withTimeouts)
	}
}

// TestPipelinedRequestsHaveTimeoutsOfTheirOwn has a client that never pauses: each part that
// it sends ends in the middle of a request.
func TestPipelinedRequestsHaveTimeoutsOfTheirOwn(t *testing.T) {
	const request = "POST /count/k HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\nvalue=1"
	for cut := 1; cut < len(request); cut++ {
		proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
			conn := p.Dial()
			reader := bufio.NewReader(conn)
			fmt.Fprint(conn, request[:cut])
			for range 4 {
				time.Sleep(p.Options.ReadTimeout * 2 / 3)
				go fmt.Fprint(conn, request[cut:]+request[:cut])
				if a := p.Read(reader, "POST"); a.Status != 200 {
					t.Fatalf("cut after %q: status %d %q", request[:cut], a.Status, a.Body)
				}
			}
		}, withTimeouts)
	}
}
