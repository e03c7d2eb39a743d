package sender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"statsd-http-proxy/internal/socket"
)

// conn is a socket that is connected to a server. It writes packets and reports what
// became of them. It decides nothing. Only one goroutine may use it.
type conn interface {
	// write hands a packet to the kernel. It blocks for at most writeTimeout. It
	// returns errBusy if the kernel has no room: the caller must then write the
	// same packet again. Any other error ends the connection or is about an earlier
	// packet; status tells which.
	write(packet []byte, now time.Time) error

	// status returns what became of the written packets since the last call.
	status() connStatus

	// statusChanged returns a channel that is closed or holds an element when
	// status has news. It returns nil if the network reports nothing by itself.
	statusChanged() <-chan struct{}

	// finish tells the server that no more packets follow.
	finish()

	close()
}

// renewer is a conn whose socket can be renewed.
type renewer interface {
	// renew opens another socket to the server, with another local port, for further
	// packets. The old one stays open, and status reports its refusals too, until
	// closeOld is called. If renew fails, it changes nothing.
	renew()

	// closeOld closes the old socket, if there is one.
	closeOld()
}

// connStatus is what a conn knows about its packets and its server.
type connStatus struct {
	acked      int             // streams: the number of bytes that the server's kernel has acknowledged
	refused    []refusedPacket // UDP: the packets that were refused since the last call
	err        error           // the error that ended the connection; errEnded if the server closed its end
	isReplaced bool            // Unix sockets: another socket is at the server's path
}

var (
	errBusy  = errors.New("the socket's buffer is full")
	errEnded = errors.New("statsd closed the connection")
)

// dialFunc connects to an address. isSelfConnect reports whether the socket is
// connected to itself.
type dialFunc func(ctx context.Context, address string) (c conn, isSelfConnect bool, err error)

// newDialFunc returns a function that connects to servers on a network.
func newDialFunc(network string, p policy) dialFunc {
	return func(ctx context.Context, address string) (conn, bool, error) {
		ctx, cancel := context.WithTimeout(ctx, p.dialTimeout)
		defer cancel()
		var dialer net.Dialer
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, false, err
		}
		switch network {
		case UDP:
			return newUDPConn(c.(*net.UDPConn)), isSelfConnected(c), nil
		case TCP:
			return newStreamConn(c.(*net.TCPConn), p.stallTimeout), isSelfConnected(c), nil
		}
		var file *fileWatch
		if address[0] != '@' { // an abstract socket, see unix(7), has no file
			if file, err = watchFile(address); err != nil {
				c.Close()
				return nil, false, err
			}
		}
		if network == Unixgram {
			return &unixgramConn{conn: c, out: newWriter(c), file: file}, false, nil
		}
		s := newStreamConn(c.(*net.UnixConn), p.stallTimeout)
		s.file = file
		return s, false, nil
	}
}

// isSelfConnected reports whether a UDP or TCP socket is connected to itself. If no
// server listens on a port of the range for outgoing connections, the kernel may choose
// that port for our socket.
func isSelfConnected(c net.Conn) bool { return c.LocalAddr().String() == c.RemoteAddr().String() }

// isRefused reports whether an attempt to connect failed because no server listens at
// the address.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// isClosedByServer reports whether err says that the server closed the connection, and
// not that the network failed.
func isClosedByServer(err error) bool {
	return errors.Is(err, errEnded) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// writeTimeout is the maximum time that a write may block. The limit of a single write
// can be as low as half of it, because writer moves its deadline seldom. The loop
// handles no event during a write.
const writeTimeout = 20 * time.Millisecond

// writer writes to a connection with a timeout.
type writer struct {
	conn     net.Conn
	socket   *socket.Writer
	deadline time.Time // the write deadline; it is moved seldom, since that costs as much as a small write
}

func newWriter(c net.Conn) writer { return writer{conn: c, socket: socket.NewWriter(c)} }

// write writes all of b. If the kernel has no room for all of it, write returns errBusy
// and the number of bytes that it has written.
func (w *writer) write(b []byte, now time.Time) (n int, err error) {
	if n, err = w.socket.TryWrite(b); err == nil && n < len(b) {
		var rest int
		rest, err = w.writeRest(b[n:], now)
		n += rest
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ENOBUFS) {
		return n, errBusy
	}
	return n, err
}

// writeRest writes what the kernel has no room for at once.
func (w *writer) writeRest(b []byte, now time.Time) (n int, err error) {
	if w.deadline.Sub(now) < writeTimeout/2 {
		w.deadline = now.Add(writeTimeout)
		if err := w.conn.SetWriteDeadline(w.deadline); err != nil {
			return 0, err
		}
	}
	return w.conn.Write(b)
}

// fileWatch detects that another file has replaced the file at a path: the server was
// started again and has created a new socket.
type fileWatch struct {
	path string
	info os.FileInfo
}

func watchFile(path string) (*fileWatch, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look at the socket: %w", err)
	}
	return &fileWatch{path: path, info: info}, nil
}

// isReplaced reports whether another file is at the path. It returns false if there is
// no file: a deleted socket still serves its open connections.
func (f *fileWatch) isReplaced() bool {
	if f == nil {
		return false
	}
	info, err := os.Stat(f.path)
	return err == nil && !os.SameFile(f.info, info)
}
