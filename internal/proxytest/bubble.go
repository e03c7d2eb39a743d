package proxytest

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"
	"testing/synctest"
)

// InBubble runs test with a Proxy in a bubble of testing/synctest, so that time is virtual and
// passes only while all goroutines wait. Its connections are pipes: they buffer nothing.
// When test returns, the connections are closed and the Proxy is shut down.
func InBubble(t *testing.T, test func(t *testing.T, p *Proxy), changes ...func(*Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := New(t, changes...)
		l := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
		p.dial, p.isInBubble = l.dial, true
		go func() { p.Stopped <- p.Serve(l) }()
		t.Cleanup(func() {
			l.closeConns()
			_ = p.Shutdown(context.Background())
		})
		test(t, p)
	})
}

// pipeListener is a net.Listener whose connections are pipes.
type pipeListener struct {
	conns     chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once

	mu     sync.Mutex
	dialed []net.Conn
}

func (l *pipeListener) dial() (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dialed = append(l.dialed, client)
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// closeConns closes the client's ends of all connections.
func (l *pipeListener) closeConns() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, conn := range l.dialed {
		_ = conn.Close()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// readAhead is a connection that reads all that arrives at once, as the kernel does for a
// socket. Over HTTP/2 both ends of a connection write when they like.
type readAhead struct {
	net.Conn
	mu       sync.Mutex
	received bytes.Buffer
	err      error         // why nothing more arrives
	arrived  chan struct{} // has an element after each change
}

func newReadAhead(conn net.Conn) *readAhead {
	r := &readAhead{Conn: conn, arrived: make(chan struct{}, 1)}
	go func() {
		buffer := make([]byte, 4<<10)
		for {
			n, err := conn.Read(buffer)
			r.mu.Lock()
			r.received.Write(buffer[:n])
			r.err = err
			r.mu.Unlock()
			select {
			case r.arrived <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return r
}

func (r *readAhead) Read(dst []byte) (int, error) {
	for {
		r.mu.Lock()
		if r.received.Len() > 0 || r.err != nil {
			defer r.mu.Unlock()
			if r.received.Len() == 0 {
				return 0, r.err
			}
			return r.received.Read(dst)
		}
		r.mu.Unlock()
		<-r.arrived
	}
}
