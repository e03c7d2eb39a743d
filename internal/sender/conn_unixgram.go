package sender

import (
	"net"
	"time"
)

// unixgramConn sends packets through a Unix domain socket. The kernel hands
// them to the server's socket at once, and takes no more than that has room for.
type unixgramConn struct {
	conn net.Conn
	out  writer
	file *fileWatch
}

func (c *unixgramConn) write(packet []byte, now time.Time) error {
	_, err := c.out.write(packet, now)
	return err
}

func (c *unixgramConn) facts() facts          { return facts{isReplaced: c.file.isReplaced()} }
func (c *unixgramConn) news() <-chan struct{} { return nil }
func (c *unixgramConn) finish()               {}
func (c *unixgramConn) close()                { c.conn.Close() }
