package sender

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// writeTime is how long a write may block, and half of it at least. It returns
// as soon as there is room; meanwhile the send loop sees nothing else.
const writeTime = 20 * time.Millisecond

// writer writes to a connection, and to no end to one that takes nothing.
type writer struct {
	conn     net.Conn
	deadline time.Time // of its writes: moving it costs as much as a small write
}

// write writes all of b, or says errBusy with what it wrote.
func (w *writer) write(b []byte, now time.Time) (n int, err error) {
	if w.deadline.Sub(now) < writeTime/2 {
		w.deadline = now.Add(writeTime)
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
