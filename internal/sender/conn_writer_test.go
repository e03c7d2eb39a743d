package sender

import (
	"io"
	"net"
	"os"
	"slices"
	"testing"
	"time"
)

// deadlineConn is a connection that keeps its write deadlines and then fails.
type deadlineConn struct {
	net.Conn
	deadlines []time.Time
	err       error // what Write and SetWriteDeadline return
}

func (c *deadlineConn) Write(b []byte) (int, error) { return len(b), c.err }

func (c *deadlineConn) SetWriteDeadline(t time.Time) error {
	c.deadlines = append(c.deadlines, t)
	return c.err
}

func TestWriterMovesItsDeadlineSeldom(t *testing.T) {
	c := new(deadlineConn)
	w := newWriter(c)
	start := time.Unix(1000, 0)
	for _, after := range []time.Duration{0, writeTimeout / 4, writeTimeout / 2, writeTimeout/2 + 1, writeTimeout} {
		if n, err := w.write([]byte("a:1|c"), start.Add(after)); n != 5 || err != nil {
			t.Fatalf("after %v: got %d, %v", after, n, err)
		}
	}
	want := []time.Time{start.Add(writeTimeout), start.Add(writeTimeout/2 + 1 + writeTimeout)}
	if !slices.Equal(c.deadlines, want) {
		t.Errorf("got the deadlines %v, want %v", c.deadlines, want)
	}
}

func TestWriterReturnsErrors(t *testing.T) {
	f := func(err, want error) {
		t.Helper()
		w := newWriter(&deadlineConn{err: err})
		w.deadline = time.Unix(2000, 0)
		if _, got := w.write([]byte("a:1|c"), time.Unix(1000, 0)); got != want {
			t.Errorf("a write that fails with %v: got %v, want %v", err, got, want)
		}
	}
	f(os.ErrDeadlineExceeded, errBusy)
	f(io.ErrClosedPipe, io.ErrClosedPipe)
	w := newWriter(&deadlineConn{err: io.ErrClosedPipe})
	if n, err := w.write([]byte("a:1|c"), time.Unix(1000, 0)); n != 0 || err != io.ErrClosedPipe {
		t.Errorf("a deadline that cannot be set: got %d, %v", n, err)
	}
}
