package transport

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"statsd-http-proxy/internal/exchange"
)

// handshakesPerProcessor is how many TLS handshakes may be worked on at once for each
// processor. If a crowd of clients connects at once, few handshakes at a time end
// early; all at once would all end late, when the clients have given up.
const handshakesPerProcessor = 2

// maxWaits is how long a connection may wait in line for its handshake, in handshake
// timeouts. Then it is closed.
const maxWaits = 3

// handshakeGate limits the handshakes that are worked on at once. Handshakes begin in
// the order of the calls of begin.
//
// A handshake that waits for its client holds no place. One that goes on after that
// needs a place among its kind, so that it never waits for those that have not begun.
type handshakeGate struct {
	begun, continued chan struct{} // has an element for each handshake in work
	waited           *atomic.Int64 // when a handshake has last had to wait, in Unix nanoseconds
}

func newHandshakeGate() handshakeGate {
	n := handshakesPerProcessor * runtime.GOMAXPROCS(0)
	return handshakeGate{begun: make(chan struct{}, n), continued: make(chan struct{}, n), waited: new(atomic.Int64)}
}

// begin waits for a place, and reports whether there was one within the limit.
func (g *handshakeGate) begin(limit time.Duration) bool {
	select {
	case g.begun <- struct{}{}:
		return true
	default:
	}
	g.waited.Store(time.Now().UnixNano())
	select {
	case g.begun <- struct{}{}: // the runtime gives places in the order of the requests
		return true
	case <-time.After(limit):
		return false
	}
}

// hasWaited reports whether a handshake had to wait in the given time until now.
func (g *handshakeGate) hasWaited(within time.Duration) bool {
	return time.Now().UnixNano()-g.waited.Load() < int64(within)
}

// handshakeConn is the connection under a TLS connection. During the handshake it takes
// part in the gate.
type handshakeConn struct {
	net.Conn
	remote  net.Addr
	records *recordConn   // the same as Conn; nil if it has no descriptor
	hello   []byte        // was received and not read
	place   chan struct{} // the gate that the handshake holds a place of; nil for none
	next    chan struct{} // the gate that a handshake goes through after it has waited; nil after the handshake
}

// maxHello is how many bytes of a ClientHello are read before its handshake begins.
// Those of browsers have up to 2,000 bytes.
const maxHello = 4 << 10

// The first bytes of a TLS connection: the header of a record (RFC 8446, section 5.1).
//
//	16 03 01 02 00
//	^^       ^^^^^
//	type     length
const (
	recordHandshake = 0x16
	recordHeader    = 5 // bytes
)

// readHello reads the first record of a client, as far as maxHello allows. If the
// client does not speak TLS, it reads at least one byte. While it waits for the first
// byte, it holds no buffer. It may be called again after its timeout.
func (h *handshakeConn) readHello() error {
	if len(h.hello) == 0 {
		var first [1]byte
		if _, err := h.Conn.Read(first[:]); err != nil {
			return err
		}
		h.hello = append(h.hello, first[0])
	}
	buffer := buffers.Get().(*[exchange.MaxHead]byte)
	defer buffers.Put(buffer)
	for h.needsMore() {
		n, err := h.Conn.Read(buffer[:maxHello-len(h.hello)])
		h.hello = append(h.hello, buffer[:n]...)
		if err != nil {
			return err
		}
	}
	return nil
}

// needsMore reports whether the first record of a client is not complete.
func (h *handshakeConn) needsMore() bool {
	switch {
	case h.hello[0] != recordHandshake || len(h.hello) >= maxHello:
		return false
	case len(h.hello) < recordHeader:
		return true
	}
	return len(h.hello) < recordHeader+int(binary.BigEndian.Uint16(h.hello[3:]))
}

// RemoteAddr returns the address of the client, which may not be that of the connection.
func (h *handshakeConn) RemoteAddr() net.Addr { return h.remote }

// Read reads what readHello has read, then from the connection. During the handshake
// it gives the place in the gate back while it waits.
func (h *handshakeConn) Read(dst []byte) (int, error) {
	if len(h.hello) > 0 {
		n := copy(dst, firstRecord(h.hello))
		if h.hello = h.hello[n:]; len(h.hello) == 0 {
			h.hello = nil
		}
		return n, nil
	}
	if h.next == nil || h.records != nil && len(h.records.pending) > 0 {
		return h.Conn.Read(dst)
	}
	h.leaveGate()
	n, err := h.Conn.Read(dst)
	h.next <- struct{}{}
	h.place = h.next
	return n, err
}

// leaveGate gives the place in the gate back.
func (h *handshakeConn) leaveGate() {
	if h.place != nil {
		<-h.place
		h.place = nil
	}
}

// SetTicketKeys sets the keys of session tickets. The first one encrypts new tickets. It
// may be called at any time, for a server with TLS. Without it, a server has keys of its
// own, which change every day.
func (s *Server) SetTicketKeys(keys [][32]byte) { s.tls.SetSessionTicketKeys(keys) }

// firstTimeout returns the time to wait for the first byte of the first request: the
// read timeout, and not less than the handshake timeout while handshakes wait in line.
// The clients of a crowd may be slow, such as if all are on one machine.
func (c *conn) firstTimeout() time.Duration {
	s := c.server
	if timeout := s.options.HandshakeTimeout; s.tls != nil && s.gate.hasWaited(timeout) {
		return max(s.options.ReadTimeout, timeout)
	}
	return s.options.ReadTimeout
}

// awaitHello reads the first record of a client within the handshake timeout. While
// handshakes wait in line, it waits longer, for the same reason as firstTimeout.
func (c *conn) awaitHello(h *handshakeConn) error {
	timeout := c.server.options.HandshakeTimeout
	for waits := 1; ; waits++ {
		if err := c.raw.SetDeadline(time.Now().Add(timeout)); err != nil {
			return err
		}
		err := h.readHello()
		if !errors.Is(err, os.ErrDeadlineExceeded) || waits == maxWaits || !c.server.gate.hasWaited(timeout) {
			return err
		}
	}
}

var plainHTTP = exchange.NewError(http.StatusBadRequest, "the request is plain HTTP, but this port expects HTTPS: use a URL that begins with https://")

// startTLS does the TLS handshake and reports whether it was successful. Requests without
// TLS will be rejected.
func (c *conn) startTLS() (ok bool) {
	s := c.server
	s.stats.waiting.Add(1)
	secure, err := c.handshake()
	s.stats.waiting.Add(-1)
	s.stats.countHandshake(secure, err)
	if errors.Is(err, errPlainHTTP) {
		return true
	}
	if err != nil {
		return false
	}
	protocol := secure.ConnectionState().NegotiatedProtocol
	if protocol != "" && protocol == s.options.ChallengeProtocol {
		_ = secure.CloseWrite() // close_notify; the end of serve closes the connection
		return false
	}
	// The client may send its first request only after the end of its handshake is
	// acknowledged, see fillMore.
	if tcp, ok := c.raw.(syscall.Conn); ok {
		if c.in.tcp, err = tcp.SyscallConn(); err != nil {
			return false
		}
		c.in.acknowledge()
	}
	c.Conn, c.in.source = secure, secure
	next := stateIdle
	if c.isHTTP2 = protocol == "h2"; c.isHTTP2 {
		next = stateActive
	}
	c.state.Store(next)
	return true
}

// errNotBegun is the error of handshake if the client has sent nothing, or c was closed
// while it was idle.
var errNotBegun = errors.New("the handshake has not begun")

// errPlainHTTP is the error of handshake if the client does not speak TLS. Its request
// can be answered.
var errPlainHTTP = errors.New("the client speaks plain HTTP")

// handshake does the TLS handshake when it is its turn.
func (c *conn) handshake() (*tls.Conn, error) {
	s := c.server
	timeout := s.options.HandshakeTimeout
	h := &handshakeConn{Conn: c.raw, remote: c.remote}
	if r := newRecordConn(c.raw); r != nil {
		r.pending, c.in.records = c.in.saved, r
		h.Conn, h.records = r, r
	} else {
		h.hello = c.in.saved
	}
	c.in.saved = nil
	if err := c.awaitHello(h); err != nil {
		if len(h.hello) == 0 && !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, errNotBegun
		}
		return nil, err
	}
	if 'A' <= h.hello[0] && h.hello[0] <= 'Z' { // methods begin with a capital letter, TLS does not
		c.in.source, c.in.saved, c.rejection = h.Conn, h.hello, plainHTTP
		c.in.acquireBuffer()
		return nil, errPlainHTTP
	}
	if !c.state.CompareAndSwap(stateIdle, stateHandshake) {
		return nil, errNotBegun
	}
	if !s.gate.begin(maxWaits * timeout) {
		return nil, os.ErrDeadlineExceeded
	}
	h.place, h.next = s.gate.begun, s.gate.continued
	defer h.leaveGate()
	if isGone(c.raw) {
		return nil, io.ErrUnexpectedEOF
	}
	if err := c.raw.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	h.hello = splitHello(h.hello)
	secure := tls.Server(h, s.tls)
	err := s.handshakeApart(secure)
	h.next = nil
	return secure, err
}
