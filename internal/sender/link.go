package sender

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// link is a socket that is connected to StatsD. One goroutine uses it.
type link interface {
	// write hands d, whose time of sending is set, to the kernel. errBusy says that it has no room now: write
	// has to be called again with the same d. Any other error breaks the link,
	// and confirm returns it.
	write(d *datagram) error

	// confirm says what became of written, the datagrams written through this
	// link, oldest first: how many of them are out of our hands, and with an
	// error, that the link is broken. The rest is then to be written again, and
	// shortened by the lines that StatsD's host has.
	confirm(written []*datagram, now time.Time) (n int, err error)

	// finish says that nothing follows and waits until it is known what becomes
	// of what was written, or ctx is done. Nothing but confirm and close may be
	// called afterwards.
	finish(ctx context.Context)

	// broken returns a channel that is closed when StatsD ends a connection;
	// nil for a link that has none.
	broken() <-chan struct{}

	// probeTiming says how StatsD is to be tried again after this link broke.
	probe() probeTiming

	close()
}

// finishTime is how long a link that has to be left while others wait may take
// for it.
const finishTime = time.Second

var (
	errBusy     = errors.New("the socket's buffer is full")
	errReplaced = errors.New("the socket's file was replaced")
)

// dial connects to an address. ctx bounds the time that it takes, and cuts it
// short.
func dial(ctx context.Context, network, address string) (link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	switch network {
	case UDP:
		return newUDPLink(conn.(*net.UDPConn)), nil
	case TCP:
		return newStreamLink(conn.(*net.TCPConn)), nil
	}
	var file *fileWatch
	if address[0] != '@' { // an abstract socket, see unix(7), has no file
		if file, err = watchFile(address); err != nil {
			conn.Close()
			return nil, err
		}
	}
	if network == Unixgram {
		return &unixgramLink{conn: conn, out: writer{conn: conn}, file: file}, nil
	}
	s := newStreamLink(conn.(*net.UnixConn))
	s.file = file
	return s, nil
}

// fileWatch tells when the file at a path is not the one any more that was
// there at the start: StatsD has made its socket anew.
type fileWatch struct {
	path    string
	info    os.FileInfo
	checked time.Time
}

// fileInterval is how often a fileWatch looks.
const fileInterval = time.Second

func watchFile(path string) (*fileWatch, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look at the socket: %w", err)
	}
	return &fileWatch{path: path, info: info, checked: time.Now()}, nil
}

// check returns errReplaced if another file is there. That none is there is no
// error: the socket serves whoever is connected to it.
func (f *fileWatch) check(now time.Time) error {
	if f == nil || now.Sub(f.checked) < fileInterval {
		return nil
	}
	f.checked = now
	if info, err := os.Stat(f.path); err == nil && !os.SameFile(f.info, info) {
		return errReplaced
	}
	return nil
}
