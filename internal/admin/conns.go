package admin

import (
	"container/list"
	"net"
	"sync"
)

// conns is a listener that bounds the number of its open connections. If there are too
// many, it closes the oldest one: a scraper that works takes milliseconds, so that the
// oldest connection is idle or slow. So slow scrapers do not keep others out.
type conns struct {
	net.Listener
	max int

	mu   sync.Mutex
	open *list.List // of net.Conn, the oldest first
}

func newConns(listener net.Listener, max int) *conns {
	return &conns{Listener: listener, max: max, open: list.New()}
}

// Accept waits for the next connection.
func (l *conns) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &countedConn{Conn: raw, conns: l}
	l.mu.Lock()
	c.element = l.open.PushBack(raw)
	var oldest net.Conn
	if l.open.Len() > l.max {
		oldest = l.open.Remove(l.open.Front()).(net.Conn)
	}
	l.mu.Unlock()
	if oldest != nil {
		_ = oldest.Close() // net/http sees the error and closes its countedConn
	}
	return c, nil
}

// countedConn is a connection that counts as open.
type countedConn struct {
	net.Conn
	conns   *conns
	element *list.Element
}

func (c *countedConn) Close() error {
	c.conns.mu.Lock()
	c.conns.open.Remove(c.element) // does nothing if Accept has removed it
	c.conns.mu.Unlock()
	return c.Conn.Close()
}
