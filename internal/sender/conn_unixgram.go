package sender

import (
	"net"
	"time"
)

// unixgramConn sends packets through a Unix domain socket. The kernel puts each packet
// into the server's receive buffer at once, or blocks while that is full.
type unixgramConn struct {
	conn net.Conn
	out  writer
	file *fileWatch
}

func (c *unixgramConn) write(packet []byte, now time.Time) error {
	_, err := c.out.write(packet, now)
	return err
}

func (c *unixgramConn) status() connStatus             { return connStatus{isReplaced: c.file.isReplaced()} }
func (c *unixgramConn) statusChanged() <-chan struct{} { return nil }
func (c *unixgramConn) finish()                        {}
func (c *unixgramConn) close()                         { c.conn.Close() }
