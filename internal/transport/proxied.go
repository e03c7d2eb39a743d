package transport

import (
	"bufio"
	"errors"
	"net"
	"time"

	"github.com/pires/go-proxyproto"
)

// readProxyHeader reads the header of the PROXY protocol, version 1 or 2, at the front of
// c, and reports whether c can be served. From then on the client of c is the one that
// the header names. See https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt.
//
// A connection without a header, such as of a health check, comes from the proxy itself.
func (c *conn) readProxyHeader() (ok bool) {
	s := c.server
	timeout := s.options.ReadTimeout
	if s.tls != nil {
		timeout = s.options.HandshakeTimeout
	}
	if c.raw.SetReadDeadline(time.Now().Add(timeout)) != nil {
		return false
	}
	reader := bufio.NewReader(c.raw)
	header, err := proxyproto.Read(reader)
	switch {
	case err == nil:
		if !header.Command.IsLocal() && !c.setClient(header.SourceAddr) {
			return false
		}
	case errors.Is(err, proxyproto.ErrNoProxyProtocol):
	default:
		s.log.Debug("malformed PROXY header", "proxy", c.raw.RemoteAddr(), "error", err)
		return false
	}
	if n := reader.Buffered(); n > 0 {
		c.in.saved, _ = reader.Peek(n) // no error: the bytes are there
		if s.tls == nil {
			c.in.acquireBuffer()
		}
	}
	return true
}

// setClient makes the client of c the one at an address, and reports whether it is within
// the limits.
func (c *conn) setClient(client net.Addr) (ok bool) {
	tcp, ok := client.(*net.TCPAddr)
	if !ok {
		return true // it has no address, such as that of a Unix domain socket
	}
	peer := tcp.AddrPort().Addr().Unmap()
	if conns := c.server.options.Conns; conns != nil && !conns.Move(c.peer, peer) {
		c.server.reject(c.raw, peer, "--max-conns-per-ip")
		return false
	}
	c.peer, c.remote = peer, tcp
	return true
}
