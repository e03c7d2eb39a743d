package sender

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"statsd-http-proxy/internal/logtest"
)

// The log has one line when the queue becomes full and one when it has room again,
// however many lines are refused.
func TestAFullQueueIsLoggedOnce(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	log := new(logtest.Buffer)
	s, err := New(Options{
		Network:       TCP,
		Address:       address,
		DatagramBytes: 100,
		QueueBytes:    10_000,
		Logger:        slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			s.Close(ctx)
		}
	}()
	mustLog := func(full, room int) {
		t.Helper()
		text := log.String()
		if strings.Count(text, "queue is full") != full || strings.Count(text, "room again") != room {
			t.Fatalf("want %d lines that the queue is full and %d that it has room again:\n%s", full, room, text)
		}
	}
	line := []byte(strings.Repeat("x", 90) + ":1|c")
	fill := func() {
		t.Helper()
		full := 0
		for range 1000 {
			if err := s.Send(line, []int{len(line)}); errors.Is(err, ErrQueueFull) {
				full++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if full < 800 {
			t.Fatalf("%d of 1000 lines met a full queue, want 800 and more", full)
		}
	}
	fill()
	mustLog(1, 0)
	fill()
	mustLog(1, 0)

	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, conn) }()
		}
	}()
	for start := time.Now(); !strings.Contains(log.String(), "room again"); time.Sleep(time.Millisecond) {
		if time.Since(start) > deadline {
			t.Fatalf("the log does not say that the queue has room again:\n%s", log)
		}
	}
	mustLog(1, 1)
	if text := log.String(); !strings.Contains(text, `level=WARN msg="the send queue is full: requests are answered 503" option=--statsd-buffer bytes=10000`) {
		t.Errorf("the line about the full queue is wrong:\n%s", text)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	s.Close(ctx)
	closed = true
}

func TestQueueIsFullUntilATenthIsFree(t *testing.T) {
	q := newQueue(10, 100)
	f := func(unsent int, isFull, wantRoom bool) {
		t.Helper()
		if isFull {
			q.setFull()
		}
		if got := q.setUnsent(unsent); got != wantRoom {
			t.Errorf("%d of 100 packets: got %t, want %t", unsent, got, wantRoom)
		}
	}
	f(100, false, false)
	f(0, false, false)
	f(100, true, false)
	f(91, false, false)
	f(100, true, false)
	f(90, false, true)
	f(90, false, false)
	f(50, true, true)
	if !q.setFull() || q.setFull() {
		t.Error("setFull does not tell the first call")
	}
}
