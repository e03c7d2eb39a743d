package transport

import (
	"strings"
	"time"

	"statsd-http-proxy/internal/http2"
)

// serveHTTP2 serves c, which speaks HTTP/2, until it ends. timeout is the time for the
// first request to begin.
func (c *conn) serveHTTP2(timeout time.Duration) {
	c.in.serve = nil // it is for HTTP/1
	c.lingers = c.server.http2.ServeConn(&http2.Client{
		Conn: c.Conn, Input: http2Input{&c.in},
		Peer: c.peer, Remote: c.remote, Stats: c.stats, Timeout: timeout,
	})
}

// http2Input is the http2.Input of a connection.
type http2Input struct{ in *input }

func (i http2Input) Bytes() []byte { return i.in.bytes() }
func (i http2Input) Skip(n int)    { i.in.skip(n) }
func (i http2Input) Fill() error   { return i.in.fill() }

// beginsHTTP2 reports whether a client without TLS starts with the preface of HTTP/2 (RFC
// 9113, section 3.3). It waits for more only as long as the bytes may be the preface.
func (c *conn) beginsHTTP2() bool {
	if c.server.tls != nil {
		return false
	}
	for {
		text := c.in.bytes()
		if len(text) >= len(http2.Preface) {
			return string(text[:len(http2.Preface)]) == http2.Preface
		}
		if !strings.HasPrefix(http2.Preface, string(text)) {
			return false
		}
		c.startReadTimeout()
		if c.in.fillMore() != nil {
			return false // an error shows in the next read
		}
	}
}
