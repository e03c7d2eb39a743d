package server

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"
)

// What a connection that speaks HTTP/2 may take. Each request under way costs
// some kilobytes besides its body, so that they are not many.
const (
	maxStreams = 128       // requests under way
	maxFrame   = 16 << 10  // bytes; the least that a peer may be held to (RFC 9113, section 4.2)
	h2Window   = 256 << 10 // bytes of bodies that are received and not read, on a connection and a stream
)

// h2 answers the connections that have chosen HTTP/2 in their TLS handshake.
// The protocol is net/http's: frames, flow control, floods of resets, pings and
// settings. It is a net.Listener that hands such connections to it.
type h2 struct {
	http    http.Server
	handed  chan *tls.Conn
	closing chan struct{}
	close   sync.Once
	running sync.WaitGroup // has http.Serve
}

func newH2(s *Server) *h2 {
	h := &h2{handed: make(chan *tls.Conn), closing: make(chan struct{})}
	options := &s.options
	h.http = http.Server{
		Handler:                      http.HandlerFunc(s.serveStream),
		ReadTimeout:                  options.ReadTimeout,
		WriteTimeout:                 options.ReadTimeout + options.WriteTimeout, // it counts from the request's headers on
		IdleTimeout:                  options.IdleTimeout,
		MaxHeaderBytes:               2 * maxHead, // for what is larger, net/http has an answer of its own
		DisableGeneralOptionsHandler: true,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, linkOf(c).conn)
		},
		ConnState: func(c net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				close(linkOf(c).done)
			}
		},
		ErrorLog: log.New(h2Log{s}, "", 0),
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReadFrameSize:              maxFrame,
			MaxReceiveBufferPerConnection: h2Window,
			MaxReceiveBufferPerStream:     h2Window,
		},
	}
	return h
}

// start makes h take connections until stop.
func (h *h2) start() {
	h.running.Go(func() { _ = h.http.Serve(h) }) // it ends with an error that says so
}

// finish asks the clients to open no further streams, and has each connection
// closed that has none left.
func (h *h2) finish() {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.http.Shutdown(over) // it need not wait: whoever handed a connection over does
}

// stop returns when h has ended. No connection may be left.
func (h *h2) stop() {
	_ = h.http.Close()
	_ = h.Close()
	h.running.Wait()
}

// Accept, Close and Addr are those of a net.Listener.
func (h *h2) Accept() (net.Conn, error) {
	select {
	case c := <-h.handed:
		return c, nil
	case <-h.closing:
		return nil, net.ErrClosed
	}
}

func (h *h2) Close() error {
	h.close.Do(func() { close(h.closing) })
	return nil
}

func (h *h2) Addr() net.Addr { return &net.TCPAddr{} }

// h2Log logs what net/http has to say of connections, mostly faults of their
// clients, as seldom as refusals.
type h2Log struct{ server *Server }

func (l h2Log) Write(text []byte) (int, error) {
	if l.server.debug && l.server.refusals.allow() {
		l.server.log.Debug("HTTP/2", "event", string(text))
	}
	return len(text), nil
}

// link is what lies under the TLS of a connection. When it has been handed over
// it sets the deadlines itself: seldom, see leave.
type link struct {
	net.Conn
	conn *conn

	// Set when it is handed over.
	done    chan struct{} // closed when net/http is done with it
	writeBy time.Time     // the deadline that is set
}

func linkOf(c net.Conn) *link { return c.(*tls.Conn).NetConn().(*link) }

func (l *link) Write(text []byte) (int, error) {
	if l.done != nil {
		// Answers that are about to be ready then leave together, in the next
		// write: each costs as much as all else that an answer needs.
		runtime.Gosched()
		if err := leave(&l.writeBy, time.Now(), l.conn.server.options.WriteTimeout, l.Conn.SetWriteDeadline); err != nil {
			return 0, err
		}
	}
	return l.Conn.Write(text)
}

func (l *link) SetDeadline(t time.Time) error {
	if l.done != nil {
		return nil
	}
	return l.Conn.SetDeadline(t)
}

func (l *link) SetReadDeadline(t time.Time) error {
	if l.done != nil {
		return nil
	}
	return l.Conn.SetReadDeadline(t)
}

func (l *link) SetWriteDeadline(t time.Time) error {
	if l.done != nil {
		return nil
	}
	return l.Conn.SetWriteDeadline(t)
}

// connKey is where a stream's context holds the connection.
type connKey struct{}

// serveStreams has HTTP/2 spoken on c to its end. The time for the handshake
// goes on until the first request has begun.
func (c *conn) serveStreams(secure *tls.Conn) {
	if !c.state.CompareAndSwap(idle, busy) {
		return
	}
	l := linkOf(secure)
	l.done = make(chan struct{})
	select {
	case c.server.h2.handed <- secure:
		<-l.done
	case <-c.server.h2.closing:
	}
	// Those that net/http has left behind end now, and no other begins.
	c.streams.Lock()
}
