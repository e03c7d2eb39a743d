package sender

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestStreamThatBreaksIsSentAgainFromALine has a StatsD die while its buffer is
// full. The lines that its kernel had acknowledged are lost with it. All others
// arrive on the next connection, in whole lines.
func TestStreamThatBreaksIsSentAgainFromALine(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, log := startSenderWith(t, Options{Network: TCP, Address: l.Addr().String()}, trusting(TCP))
	const lines = 20_000 // 22 MB, more than the kernel takes
	line := func(i int) string { return fmt.Sprintf("%06d%s", i, strings.Repeat("x", 1000+i%200)) }
	for i := range lines {
		send(t, s, line(i))
	}
	accept := func() *net.TCPConn {
		t.Helper()
		if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(deadline)); err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatalf("accept: %v; log: %s", err, log)
		}
		if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
			t.Fatal(err)
		}
		return conn.(*net.TCPConn)
	}

	first := accept()
	const read = 12_345
	if _, err := io.ReadFull(first, make([]byte, read)); err != nil {
		t.Fatal(err)
	}
	waitStill(t, s.queue)
	if err := first.SetLinger(0); err != nil {
		t.Fatal(err)
	}
	first.Close()

	second := accept()
	defer second.Close()
	reader := bufio.NewReader(second)
	next := -1
	for next < lines {
		text, err := reader.ReadString('\n')
		if err != nil {
			t.Fatalf("line %d: %v", next, err)
		}
		if next < 0 {
			if _, err := fmt.Sscanf(text, "%06d", &next); err != nil || next == 0 {
				t.Fatalf("the second connection begins with %q", text)
			}
		}
		if want := line(next) + "\n"; text != want {
			t.Fatalf("got the line %q, want %q", text, want)
		}
		next++
	}
	closeSender(t, s, deadline)
	if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
		t.Errorf("then came %d bytes and %v", len(rest), err)
	}
}

// TestStreamEndsEachLine checks the bytes of a short stream.
func TestStreamEndsEachLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, _ := startSender(t, Options{Network: TCP, Address: l.Addr().String()})
	send(t, s, "a:1|c\nb:0|g\nb:-5|g")
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go s.Close(context.Background())
	if got, err := io.ReadAll(conn); err != nil || string(got) != "a:1|c\nb:0|g\nb:-5|g\n" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestCloseWaitsForAStreamThatPauses closes a sender while all its lines are in
// the kernel's buffers and StatsD does not read.
func TestCloseWaitsForAStreamThatPauses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s, log := startSender(t, Options{Network: TCP, Address: l.Addr().String()})
	const lines = 1500
	line := strings.Repeat("x", 1000)
	for range lines {
		send(t, s, line)
	}
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	waitFor(t, func() bool {
		s.queue.mu.Lock()
		defer s.queue.mu.Unlock()
		return s.queue.open == nil && s.queue.unsent+len(s.queue.sealed) == 0
	}, func() string { return "the kernel does not take the lines" })

	closed := make(chan struct{})
	go func() {
		defer close(closed)
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		s.Close(ctx)
	}()
	select {
	case <-closed:
		t.Fatal("Close did not wait")
	case <-time.After(newPolicy(TCP).finishTimeout * 3 / 2): // longer than others would be kept waiting
	}
	if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); err != nil || len(got) != lines*(len(line)+1) {
		t.Errorf("got %d bytes, %v, want %d; log: %s", len(got), err, lines*(len(line)+1), log)
	}
	<-closed
}

// TestServerThatStallsIsLeft has a server accept a connection and not read it,
// until the stall timeout is over. The other lines arrive on the next connection.
func TestServerThatStallsIsLeft(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := trusting(TCP)
	p.stallTimeout = 300 * time.Millisecond
	s, log := startSenderWith(t, Options{Network: TCP, Address: l.Addr().String()}, p)
	const lines = 20_000 // 20 MB, more than the kernel takes
	line := strings.Repeat("x", 1000)
	for i := range lines {
		send(t, s, fmt.Sprintf("%06d%s", i, line))
	}
	accept := func() net.Conn {
		t.Helper()
		if err := l.(*net.TCPListener).SetDeadline(time.Now().Add(deadline)); err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatalf("accept: %v; log: %s", err, log)
		}
		return conn
	}
	defer accept().Close()
	second := accept()
	defer second.Close()
	if err := second.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	var first int
	reader := bufio.NewReader(second)
	if _, err := fmt.Fscanf(reader, "%06d", &first); err != nil || first == 0 {
		t.Errorf("the second connection begins with line %d, %v", first, err)
	}
	if !strings.Contains(log.String(), "connection timed out") {
		t.Errorf("got the log %s", log)
	}
}
