package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// record returns a TLS record with a body of n bytes.
func record(n int) []byte {
	b := binary.BigEndian.AppendUint16([]byte{recordHandshake, 3, 1}, uint16(n))
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}

func TestReadsEndWithTheRecord(t *testing.T) {
	f := func(room int, records, want []int) {
		t.Helper()
		var all []byte
		for _, n := range records {
			all = append(all, record(n)...)
		}
		r := &recordConn{pending: all}
		var got []byte
		for i, n := range want {
			dst := make([]byte, room)
			if k, err := r.Read(dst); k != n || err != nil {
				t.Errorf("records %v, room %d: read %d returned %d, %v, want %d", records, room, i, k, err, n)
			} else {
				got = append(got, dst[:k]...)
			}
		}
		if !bytes.Equal(got, all) {
			t.Errorf("records %v, room %d: got other bytes", records, room)
		}
		r.neverWaits = true
		if n, err := r.Read(make([]byte, room)); n != 0 || err != errNotArrived {
			t.Errorf("records %v, room %d: at the end got %d, %v, want that nothing has arrived", records, room, n, err)
		}
	}
	f(1000, []int{10}, []int{15})
	f(1000, []int{10, 600, 0, 1}, []int{15, 605, 5, 6})
	f(12, []int{10, 20}, []int{12, 3, 12, 12, 1})
	f(3, []int{2, 1}, []int{3, 3, 1, 3, 3})
	f(1, []int{1, 0}, []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
}

// TestWritesAreComplete writes nothing, what the kernel takes at once, and more than that.
func TestWritesAreComplete(t *testing.T) {
	raw, client := tcpPair(t)
	for _, err := range []error{raw.(*net.TCPConn).SetWriteBuffer(64 << 10), client.(*net.TCPConn).SetReadBuffer(64 << 10)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	r := newRecordConn(raw)
	if r == nil {
		t.Skip("this system has no descriptors")
	}
	arrived := make(chan []byte, 1)
	go func() {
		all, _ := io.ReadAll(client) // an error shows in what is missing
		arrived <- all
	}()
	var want []byte
	for _, size := range []int{0, 10, 4 << 20, 1} {
		text := bytes.Repeat([]byte{byte(size), 'x'}, (size+1)/2)[:size]
		if n, err := r.Write(text); n != size || err != nil {
			t.Errorf("of %d bytes: wrote %d, %v", size, n, err)
		}
		want = append(want, text...)
	}
	r.Close()
	if n, err := r.Write([]byte("x")); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("to a closed connection: wrote %d, %v", n, err)
	}
	if got := <-arrived; !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, want %d", len(got), len(want))
	}
}

func TestHelloIsSplit(t *testing.T) {
	f := func(hello []byte, want ...int) {
		t.Helper()
		parts := splitHello(hello)
		var body []byte
		for i, n := range want {
			part := firstRecord(parts)
			if len(part) != recordHeader+n || !bytes.Equal(part[:3], hello[:3]) {
				t.Fatalf("part %d of %d bytes is %x, want %d bytes", i, len(hello), part, n)
			}
			body, parts = append(body, part[recordHeader:]...), parts[len(part):]
		}
		if len(parts) > 0 || !bytes.Equal(body, hello[recordHeader:]) {
			t.Errorf("%d bytes were split into other ones", len(hello))
		}
	}
	f(record(maxHelloPart), maxHelloPart)
	f(record(maxHelloPart+1), maxHelloPart, 1)
	f(record(3*maxHelloPart), maxHelloPart, maxHelloPart, maxHelloPart)
	for _, other := range [][]byte{nil, []byte("\x16"), []byte(strings.Repeat("\x16", 1000)), record(1000)[:900], append(record(1000), 0)} {
		if got := splitHello(other); !bytes.Equal(got, other) {
			t.Errorf("%x was split", other)
		}
	}
}
