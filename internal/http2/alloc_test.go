//go:build !race

package http2

import (
	"encoding/binary"
	"testing"
)

const (
	benchTarget = "/count/some.key.name"
	benchBody   = `{"value":100500,"tags":"env=prod,locale=en-us"}`
)

var benchFields = []string{"content-type", "application/json", "origin", "https://shop.example", "user-agent", "test"}

// repeatedInput gives the frames of a request again and again, with the next IDs.
type repeatedInput struct {
	testInput
	request []byte
	memory  []byte
	id      uint32
	left    int // requests
}

const batch = 100 // requests that arrive at once

func (in *repeatedInput) Fill() error {
	if in.left <= 0 || len(in.parts) > 0 {
		return in.testInput.Fill()
	}
	in.buffer = in.memory[:0]
	for range batch {
		start := len(in.buffer)
		in.buffer = append(in.buffer, in.request...)
		head := in.buffer[start:]
		data := head[frameHeader+int(head[2]):]
		binary.BigEndian.PutUint32(head[5:], in.id)
		binary.BigEndian.PutUint32(data[5:], in.id)
		in.id += 2
	}
	in.left -= batch
	in.memory = in.buffer
	return nil
}

// repeat returns a connection that has served a request and will get it again.
func repeat(tb testing.TB) (*conn, *testConn, *repeatedInput) {
	frames := newRequestFrames()
	frames.preface()
	frames.post(benchTarget, benchBody, benchFields...)
	in := &repeatedInput{testInput: testInput{parts: [][]byte{frames.take()}}}
	frames.post(benchTarget, benchBody, benchFields...) // from the client's table
	in.request, in.id = frames.take(), 3
	c, out := newTestConn(newTestServer(tb, new(discardSink)), in)
	c.mu.Lock()
	if err := c.readPreface(); err != nil {
		tb.Fatal(err)
	}
	for range 2 {
		if err := c.readFrame(); err != nil {
			tb.Fatal(err)
		}
	}
	return c, out, in
}

// serveBatches has c serve n requests, which arrive in batches.
func serveBatches(tb testing.TB, c *conn, out *testConn, in *repeatedInput, n int) {
	in.left = n
	for in.left > 0 || len(in.buffer) > 0 {
		if err := c.readFrame(); err != nil {
			tb.Fatal(err)
		}
		out.written.Reset()
	}
}

func TestARequestAllocatesNothing(t *testing.T) {
	c, out, in := repeat(t)
	serveBatches(t, c, out, in, 10*batch)
	allocs := testing.AllocsPerRun(10, func() { serveBatches(t, c, out, in, 10*batch) })
	if allocs > 1 { // the date changes once a second
		t.Errorf("%v allocations for %d requests", allocs, 10*batch)
	}
}

func BenchmarkRequests(b *testing.B) {
	c, out, in := repeat(b)
	serveBatches(b, c, out, in, batch)
	b.ReportAllocs()
	b.ResetTimer()
	serveBatches(b, c, out, in, b.N)
}
