package transport_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"statsd-http-proxy/internal/proxytest"
	"statsd-http-proxy/internal/transport"
)

const handshakeTimeout = 2 * time.Second

// slowCertificate returns the certificate after some time, as if a handshake needed that
// time of a processor.
type slowCertificate struct {
	time      time.Duration
	inWork    atomic.Int64
	mu        sync.Mutex
	names     []string // of clients, in the order of their handshakes
	maxAtOnce int64
}

func (s *slowCertificate) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	n := s.inWork.Add(1)
	defer s.inWork.Add(-1)
	s.mu.Lock()
	s.names = append(s.names, hello.ServerName)
	s.maxAtOnce = max(s.maxAtOnce, n)
	s.mu.Unlock()
	time.Sleep(s.time)
	return proxytest.SelfSigned(hello)
}

func withSlowCertificate(s *slowCertificate) func(*proxytest.Options) {
	return func(o *proxytest.Options) {
		o.GetCertificate, o.HandshakeTimeout, o.ReadTimeout = s.get, handshakeTimeout, time.Second
	}
}

func clientConfig(name string) *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, ServerName: name}
}

// TestCrowdOfTLSClientsIsServed has clients connect at once. All handshakes together take
// longer than the timeout of one.
func TestCrowdOfTLSClientsIsServed(t *testing.T) {
	const clients = 100
	certificate := &slowCertificate{}
	atOnce := 2 * runtime.GOMAXPROCS(0)
	certificate.time = time.Duration(atOnce) * 2 * handshakeTimeout / clients
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		var running sync.WaitGroup
		var want []string
		for i := range clients {
			conn := p.Dial()
			name := fmt.Sprintf("client%d.example", i)
			want = append(want, name)
			running.Go(func() {
				secure := tls.Client(conn, clientConfig(name))
				fmt.Fprint(secure, "POST /count/k HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
				if a := p.Read(bufio.NewReader(secure), "POST"); a.Status != 200 {
					t.Errorf("client %d got %d, want 200", i, a.Status)
				}
			})
			time.Sleep(time.Millisecond) // so that their order is known
		}
		running.Wait()
		if certificate.maxAtOnce > int64(atOnce) {
			t.Errorf("%d handshakes were in work at once, want at most %d", certificate.maxAtOnce, atOnce)
		}
		// Handshakes that are in work at once may change places.
		for i, name := range certificate.names {
			if at := slices.Index(want, name); at < i-atOnce || at > i+atOnce {
				t.Errorf("handshake %d was that of %s", i, name)
			}
		}
	}, withSlowCertificate(certificate))
}

// TestHandshakeThatWaitsTooLongIsNotBegun has more clients connect than can be served in time.
func TestHandshakeThatWaitsTooLongIsNotBegun(t *testing.T) {
	certificate := &slowCertificate{time: handshakeTimeout * 3 / 4}
	atOnce := 2 * runtime.GOMAXPROCS(0)
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		var running sync.WaitGroup
		var failed atomic.Int64
		start := time.Now()
		for range 10 * atOnce {
			conn := p.Dial()
			running.Go(func() {
				defer conn.Close()
				if tls.Client(conn, clientConfig("h")).Handshake() != nil {
					failed.Add(1)
				}
			})
		}
		running.Wait()
		// The clients of the last turn begin their handshake just before the limit.
		if took := time.Since(start); took > 4*handshakeTimeout {
			t.Errorf("the last client was served or cut off after %v, want at most %v", took, 4*handshakeTimeout)
		}
		if served := 10*atOnce - int(failed.Load()); served == 0 || served != len(certificate.names) {
			t.Errorf("%d clients were served, but %d handshakes were begun", served, len(certificate.names))
		}
		if n := p.Stats().Panics; n != 0 {
			t.Errorf("%d connections panicked", n)
		}
	}, withSlowCertificate(certificate))
}

// TestStalledHandshakesHoldUpNobody has clients stop in the middle of their handshake.
func TestStalledHandshakesHoldUpNobody(t *testing.T) {
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		var stalled []net.Conn
		for range 10 * runtime.GOMAXPROCS(0) {
			silent, partial, after := p.Dial(), p.Dial(), p.Dial()
			fmt.Fprint(partial, "\x16\x03\x01\x02\x00\x01")
			go func() {
				// It sends a whole ClientHello and reads nothing but the response to it.
				secure := tls.Client(stallingConn{after}, clientConfig("h"))
				_ = secure.Handshake()
			}()
			stalled = append(stalled, silent, partial)
		}
		time.Sleep(time.Millisecond)
		start := time.Now()
		secure := tls.Client(p.Dial(), clientConfig("h"))
		fmt.Fprint(secure, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
		p.Forwards("a client beside stalled ones", p.Read(bufio.NewReader(secure), "POST"), "k:0|c")
		if took := time.Since(start); took > 0 {
			t.Errorf("the client waited for %v", took)
		}
		for _, conn := range stalled {
			p.EndsSilently(conn)
		}
		if took := time.Since(start); took > handshakeTimeout {
			t.Errorf("the stalled clients were cut off after %v, want %v", took, handshakeTimeout)
		}
	}, proxytest.WithTLS, func(o *proxytest.Options) { o.HandshakeTimeout = handshakeTimeout })
}

// stallingConn writes once: then the client is silent.
type stallingConn struct{ net.Conn }

func (c stallingConn) Read(dst []byte) (int, error) {
	_, _ = io.Copy(io.Discard, c.Conn)
	return 0, io.EOF
}

// TestGoneClientsCostNoHandshake has clients connect and give up while they wait.
func TestGoneClientsCostNoHandshake(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells that a client has closed its connection")
	}
	release := make(chan struct{})
	var begun atomic.Int64
	p := proxytest.Start(t, proxytest.WithTLS, func(o *proxytest.Options) {
		o.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			begun.Add(1)
			<-release
			return proxytest.SelfSigned(hello)
		}
	})
	atOnce := 2 * runtime.GOMAXPROCS(0)
	const gone = 50
	for i := range atOnce + gone {
		conn := p.Dial()
		go func() { _ = tls.Client(conn, clientConfig("h")).Handshake() }()
		if i < atOnce {
			proxytest.Poll(t, func() bool { return int(begun.Load()) == i+1 })
		} else {
			proxytest.Poll(t, func() bool { return p.CountConns(transport.StateHandshake) == i+1 })
			conn.Close()
		}
	}
	close(release)
	proxytest.Poll(t, func() bool { return p.CountConns(transport.StateHandshake) == 0 })
	if n := int(begun.Load()); n != atOnce {
		t.Errorf("%d handshakes were begun, want %d: the other clients were gone", n, atOnce)
	}
}

// TestChallengeConnectionEndsWithItsHandshake has the client of RFC 8737, section 3: it
// offers one protocol, and looks only at the certificate.
func TestChallengeConnectionEndsWithItsHandshake(t *testing.T) {
	const protocol = "acme-tls/1"
	negotiate := func(t *testing.T, p *proxytest.Proxy, protocols ...string) (*tls.Conn, string) {
		t.Helper()
		config := clientConfig("h")
		config.NextProtos = protocols
		conn := tls.Client(p.Dial(), config)
		if err := conn.Handshake(); err != nil {
			t.Fatalf("%q: %v", protocols, err)
		}
		return conn, conn.ConnectionState().NegotiatedProtocol
	}
	withChallenges := func(o *proxytest.Options) { o.ChallengeProtocol = protocol }
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		conn, got := negotiate(t, p, protocol)
		if got != protocol {
			t.Errorf("got the protocol %q, want %q", got, protocol)
		}
		fmt.Fprint(conn, "POST /count/k HTTP/1.1\r\nHost: h\r\n\r\n")
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after the handshake: got %v, want the end of the connection", err)
		}
		for _, want := range []string{"h2", "http/1.1"} {
			if _, got := negotiate(t, p, protocol, want); got != want {
				t.Errorf("a client of %s: got the protocol %q", want, got)
			}
		}
	}, proxytest.WithTLS, withChallenges)
	proxytest.InBubble(t, func(t *testing.T, p *proxytest.Proxy) {
		config := clientConfig("h")
		config.NextProtos = []string{protocol}
		if err := tls.Client(p.Dial(), config).Handshake(); err == nil {
			t.Error("without challenges, the protocol is accepted")
		}
	}, proxytest.WithTLS)
}
