package sender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is a socket that is connected to a server. It reports facts and decides
// nothing. One goroutine uses it.
type conn interface {
	// write hands a packet to the kernel. It blocks for no longer than
	// writeTimeout and returns errBusy if the kernel has no room: then the same
	// packet has to be written again. Any other error means that the connection
	// is broken, or that an earlier packet came back: see facts.
	write(packet []byte, now time.Time) error

	// facts returns what has become known about the packets.
	facts() facts

	// news returns a channel that says when facts has something new, or nil.
	// It is closed, or holds a token.
	news() <-chan struct{}

	// finish says that nothing more is written.
	finish()

	close()
}

// facts is what a conn knows about the packets that were written.
type facts struct {
	acked      int        // bytes that the server's kernel has, of a stream
	returned   []returned // UDP packets that came back since the last call
	err        error      // what broke the connection; errEnded if the server has closed its end
	isReplaced bool       // another socket has the server's path
}

var (
	errBusy  = errors.New("the socket's buffer is full")
	errEnded = errors.New("statsd closed the connection")
)

// dialFunc connects to an address. isSelf says that both ends of the connection
// are ours.
type dialFunc func(ctx context.Context, address string) (c conn, isSelf bool, err error)

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
		// The kernel may choose the server's port for our end if nobody listens
		// there and it is one of the ports for that purpose. Unix sockets have no
		// such ports: both of their addresses may be the same only if empty.
		isSelf := (network == UDP || network == TCP) && c.LocalAddr().String() == c.RemoteAddr().String()
		switch network {
		case UDP:
			return newUDPConn(c.(*net.UDPConn)), isSelf, nil
		case TCP:
			return newStreamConn(c.(*net.TCPConn), p.stallTimeout), isSelf, nil
		}
		var file *fileWatch
		if address[0] != '@' { // an abstract socket, see unix(7), has no file
			if file, err = watchFile(address); err != nil {
				c.Close()
				return nil, false, err
			}
		}
		if network == Unixgram {
			return &unixgramConn{conn: c, out: writer{conn: c}, file: file}, false, nil
		}
		s := newStreamConn(c.(*net.UnixConn), p.stallTimeout)
		s.file = file
		return s, false, nil
	}
}

// isRefused reports whether an attempt to connect has failed because nobody
// listens.
func isRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// isClosedByServer reports whether the server, and not the network, has ended a
// connection.
func isClosedByServer(err error) bool {
	return errors.Is(err, errEnded) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// writeTimeout is how long a write may block, and half of it at least. It
// returns as soon as there is room; meanwhile the loop sees nothing else.
const writeTimeout = 20 * time.Millisecond

// writer writes to a connection with a deadline.
type writer struct {
	conn     net.Conn
	deadline time.Time // of its writes: moving it costs as much as a small write
}

// write writes all of b, or returns errBusy and how much it has written.
func (w *writer) write(b []byte, now time.Time) (n int, err error) {
	if w.deadline.Sub(now) < writeTimeout/2 {
		w.deadline = now.Add(writeTimeout)
		if err := w.conn.SetWriteDeadline(w.deadline); err != nil {
			return 0, err
		}
	}
	n, err = w.conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.ENOBUFS) {
		return n, errBusy
	}
	return n, err
}

// fileWatch notices that the server has made a new socket at its path.
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

// isReplaced reports whether another file is there. It returns false if there
// is none: the socket still serves those that are connected to it.
func (f *fileWatch) isReplaced() bool {
	if f == nil {
		return false
	}
	info, err := os.Stat(f.path)
	return err == nil && !os.SameFile(f.info, info)
}
