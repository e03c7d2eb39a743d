package transport

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// funcConn is a connection whose Read is a function.
type funcConn struct {
	net.Conn
	read func(dst []byte) (int, error)
}

func (c funcConn) Read(dst []byte) (int, error) { return c.read(dst) }

func TestGateLimitsHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newHandshakeGate()
		for range cap(g.begun) {
			if !g.begin(time.Second) {
				t.Fatal("a free place is not given")
			}
		}
		if g.hasWaited(time.Hour) {
			t.Error("a handshake has waited for a free place")
		}
		start := time.Now()
		if g.begin(2*time.Second) || time.Since(start) != 2*time.Second {
			t.Errorf("a place was given, or refused after %v", time.Since(start))
		}
		if g.hasWaited(2*time.Second) || !g.hasWaited(2*time.Second+1) {
			t.Error("the last wait did not begin two seconds ago")
		}
		go func() {
			time.Sleep(time.Second)
			<-g.begun
		}()
		start = time.Now()
		if !g.begin(2*time.Second) || time.Since(start) != time.Second {
			t.Errorf("no place was given, or after %v", time.Since(start))
		}
	})
}

// TestHelloIsReadInPieces reads the first record of clients from pieces.
func TestHelloIsReadInPieces(t *testing.T) {
	f := func(want string, pieces ...string) {
		t.Helper()
		h := &handshakeConn{Conn: funcConn{read: func(dst []byte) (int, error) {
			if len(pieces) == 0 {
				return 0, io.ErrUnexpectedEOF
			}
			n := copy(dst, pieces[0])
			if pieces[0] = pieces[0][n:]; pieces[0] == "" {
				pieces = pieces[1:]
			}
			return n, nil
		}}}
		err := h.readHello()
		if string(h.hello) != want || err != nil {
			t.Errorf("got %d bytes, %v, want %d", len(h.hello), err, len(want))
		}
		if len(pieces) > 0 || len(firstRecord(h.hello)) < len(h.hello) {
			return
		}
		h.hello = h.hello[:len(h.hello)-1]
		if err := h.readHello(); err != io.ErrUnexpectedEOF {
			t.Errorf("without its last byte, a record of %d bytes: got %v, want that more is read", len(want), err)
		}
	}
	record := func(length int) string {
		return "\x16\x03\x01" + string([]byte{byte(length >> 8), byte(length)}) + strings.Repeat("x", length)
	}
	f("G", "GET / HTTP/1.1") // the rest is read later
	f(record(3), record(3))  // the first byte, then the others
	f(record(3), "\x16", "\x03\x01\x00", "\x03x", "xx")
	f(record(0), record(0))
	f(record(300), record(300)[:100], record(300)[100:])
	f(record(3)+"more", record(3)+"more")
	f(record(4<<10-5), record(4<<10-5))
	f(record(4 << 10)[:4<<10], record(4<<10)) // no more is read before the handshake begins
	f(record(1 << 14)[:4<<10], record(1 << 14)[:2000], record(1 << 14)[2000:])
}

// TestWaitingHandshakeHoldsNoPlace follows the places of a handshake.
func TestWaitingHandshakeHoldsNoPlace(t *testing.T) {
	begun, continued := make(chan struct{}, 2), make(chan struct{}, 2)
	begun <- struct{}{}
	begun <- struct{}{} // of another handshake
	h := &handshakeConn{hello: []byte("abcde"), place: begun, next: continued}
	h.Conn = funcConn{read: func(dst []byte) (int, error) {
		if len(begun) != 1 || len(continued) != 0 || h.place != nil {
			t.Errorf("a handshake that waits holds a place: %d, %d", len(begun), len(continued))
		}
		return copy(dst, "xyz"), nil
	}}
	dst := make([]byte, 3)
	for i, want := range []string{"abc", "de", "xyz", "xyz"} {
		n, err := h.Read(dst)
		if string(dst[:n]) != want || err != nil {
			t.Errorf("got %q, %v, want %q", dst[:n], err, want)
		}
		inBegun, inContinued := 2, 0
		if i >= 2 {
			inBegun, inContinued = 1, 1
		}
		if len(begun) != inBegun || len(continued) != inContinued || (len(h.hello) == 0) != (h.hello == nil) {
			t.Errorf("after %q: places %d, %d, want %d, %d", want, len(begun), len(continued), inBegun, inContinued)
		}
	}
	h.leaveGate()
	h.leaveGate() // gives back nothing more
	h.next = nil
	if n, err := h.Read(dst); n != 3 || err != nil || len(begun) != 1 || len(continued) != 0 {
		t.Errorf("after the handshake: %d, %v, places %d, %d", n, err, len(begun), len(continued))
	}
}
