package http2

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"statsd-http-proxy/internal/exchange"
)

// bodyLog is a handler that keeps the bodies of requests.
type bodyLog struct {
	maxBody int
	log     []string
}

func (l *bodyLog) Begin(x *exchange.Exchange) bool { x.MaxBody = l.maxBody; return true }

func (l *bodyLog) Serve(x *exchange.Exchange) {
	text := fmt.Sprintf("%d %s", x.BodyReceived, x.Body)
	if x.BodyErr != nil {
		text = fmt.Sprintf("%d error %d", x.BodyReceived, x.BodyErr.Status)
		x.Response.SetError(x.BodyErr)
	}
	l.log = append(l.log, text)
}

// letters returns n bytes that show when some are missing or out of order.
func letters(n int) []byte {
	text := make([]byte, n)
	for i := range text {
		text[i] = byte('a' + i%23)
	}
	return text
}

// TestBodiesReserveMemoryAsTheyArrive sends bodies in parts, and reads after each part how
// much of the budget they take.
func TestBodiesReserveMemoryAsTheyArrive(t *testing.T) {
	const maxBody = 3000
	f := func(length, maxBody int, sizes []int, wantUsed []int64, wantLog string) {
		t.Helper()
		s := newTestServer(t, new(discardSink))
		log := &bodyLog{maxBody: maxBody}
		s.options.Handler = log
		r := newRequestFrames()
		r.preface()
		var fields []string
		if length != exchange.Chunked {
			fields = []string{"content-length", fmt.Sprint(length)}
		}
		id := r.open("/", fields...)
		sum := 0
		for _, size := range sizes {
			sum += size
		}
		text := letters(sum)
		for i, size := range sizes {
			_ = r.framer.WriteData(id, i == len(sizes)-1, text[:size])
			text = text[size:]
		}
		c, _ := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
		c.mu.Lock()
		err := c.readPreface()
		if err == nil {
			err = c.readFrame()
		}
		var used []int64
		for range sizes {
			if err == nil {
				err = c.readFrame()
			}
			used = append(used, s.options.Bodies.Used())
		}
		if err != nil {
			t.Fatal(err)
		}
		if wantLog == "" {
			wantLog = fmt.Sprintf("%d %s", sum, letters(sum))
		}
		if diff := cmp.Diff(wantUsed, used); diff != "" {
			t.Errorf("%d bytes in parts of %v: the reserved memory (-want +got):\n%s", length, sizes, diff)
		}
		if diff := cmp.Diff([]string{wantLog}, log.log); diff != "" {
			t.Errorf("%d bytes in parts of %v: the handler (-want +got):\n%s", length, sizes, diff)
		}
		c.close()
	}
	const chunked = exchange.Chunked
	f(chunked, maxBody, []int{3000}, []int64{0}, "") // needs no memory
	f(chunked, maxBody, []int{500, 12}, []int64{0, 0}, "")
	f(chunked, maxBody, []int{512, 0}, []int64{0, 0}, "")
	f(chunked, maxBody, []int{500, 13, 0}, []int64{0, 1024, 0}, "")
	f(chunked, maxBody, []int{513, 511, 0}, []int64{1024, 1024, 0}, "")
	f(chunked, maxBody, []int{200, 200, 200, 423, 1, 1, 1, 0}, []int64{0, 0, 1024, 1024, 1024, 2048, 2048, 0}, "")
	f(chunked, maxBody, []int{600, 1000, 1400, 0}, []int64{1024, 2048, 3000, 0}, "")
	f(700, maxBody, []int{600, 100, 0}, []int64{700, 700, 0}, "")
	f(2000, maxBody, []int{600, 500, 900, 0}, []int64{1024, 2000, 2000, 0}, "")

	// Errors end a body early.
	f(chunked, maxBody, []int{2000, 1001, 500}, []int64{2048, 0, 0}, "3001 error 413")
	f(chunked, 0, []int{1, 1}, []int64{0, 0}, "1 error 413")
	f(700, maxBody, []int{600, 100, 1}, []int64{700, 700, 0}, "701 error 400")
}

// TestBodiesWithoutRoomAreRejected sends bodies while others have used up the budget.
func TestBodiesWithoutRoomAreRejected(t *testing.T) {
	f := func(size, room int, want string) {
		t.Helper()
		s := newTestServer(t, new(discardSink))
		log := &bodyLog{maxBody: testMaxBody}
		s.options.Handler = log
		var others exchange.BodyBuffer
		if herr := others.Reserve(s.options.Bodies, 32<<20-room); herr != nil {
			t.Fatal(herr)
		}
		r := newRequestFrames()
		r.preface()
		id := r.open("/")
		_ = r.framer.WriteData(id, false, letters(size))
		_ = r.framer.WriteData(id, true, nil)
		c, out := newTestConn(s, &testInput{parts: [][]byte{r.take()}})
		c.serve()
		got := readReplies(t, out.written.Bytes())
		if got.status[id] != want || !got.ended[id] || len(log.log) != 1 {
			t.Errorf("%d bytes with room for %d: got %q, ended %t, %q, want %q", size, room, got.status[id], got.ended[id], log.log, want)
		}
		if left := 32<<20 - s.options.Bodies.Used(); left != int64(room) {
			t.Errorf("%d bytes with room for %d: there is room for %d afterwards", size, room, left)
		}
	}
	f(512, 0, "200")
	f(513, 1023, "503")
	f(513, 1024, "200")
}
