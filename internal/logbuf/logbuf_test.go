package logbuf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// destination is a reader's end that can hang.
type destination struct {
	mu   sync.Mutex
	text bytes.Buffer
	hang chan struct{} // closed when the reader goes on; nil if it never hangs
	err  error
}

func (d *destination) Write(p []byte) (int, error) {
	if d.hang != nil {
		<-d.hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.text.Write(p)
	return len(p), d.err
}

func (d *destination) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

func TestLinesArriveInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d destination
		w := New(&d, 1<<20, nil)
		var want strings.Builder
		for i := range 1000 {
			line := fmt.Sprintf("line %d\n", i)
			want.WriteString(line)
			if n, err := w.Write([]byte(line)); n != len(line) || err != nil {
				t.Fatalf("Write: got %d, %v, want %d, no error", n, err, len(line))
			}
		}
		w.Close(t.Context())
		if got := d.String(); got != want.String() {
			t.Errorf("the destination has %d bytes, want the %d that were written", len(got), want.Len())
		}
	})
}

func TestHangingReaderDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := destination{hang: make(chan struct{})}
		var log *slog.Logger
		w := New(&d, 44, func(dropped uint64) { log.Warn("log lines were dropped", "count", dropped) })
		log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
				return slog.Attr{}
			}
			return a
		}}))
		start := time.Now()
		log.Info("first") // is being written
		synctest.Wait()
		for range 5 {
			log.Info("waits for it") // 19 bytes: two fit
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("logging took %v while the reader hung, want no time", waited)
		}
		close(d.hang)
		synctest.Wait()
		const want = "msg=first\n" + "msg=\"waits for it\"\n" + "msg=\"waits for it\"\n" + "msg=\"log lines were dropped\" count=3\n"
		if got := d.String(); got != want {
			t.Errorf("the destination got %q, want %q", got, want)
		}
		if got := w.Dropped(); got != 3 {
			t.Errorf("dropped lines: got %d, want 3", got)
		}
		w.Close(t.Context())
	})
}

func TestDroppedLinesAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := destination{hang: make(chan struct{})}
		var w *Writer
		w = New(&d, 20, func(dropped uint64) { fmt.Fprintf(w, "dropped %d\n", dropped) })
		fmt.Fprint(w, "first\n")
		synctest.Wait()
		for range 7 {
			fmt.Fprint(w, "123456789\n")
		}
		close(d.hang)
		synctest.Wait()
		if got, want := d.String(), "first\n123456789\n123456789\ndropped 5\n"; got != want {
			t.Errorf("the destination got %q, want %q", got, want)
		}
		w.Close(t.Context())
		if got, want := w.Dropped(), uint64(5); got != want {
			t.Errorf("dropped lines: got %d, want %d", got, want)
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := destination{hang: make(chan struct{})}
		w := New(&d, 100, nil)
		fmt.Fprint(w, "line\n")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		w.Close(ctx)
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("Close took %v, want the context's 300ms", took)
		}
		close(d.hang)
	})
}

func TestFailedWritesAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := destination{err: errors.New("broken pipe")}
		w := New(&d, 100, nil)
		fmt.Fprint(w, "a\n")
		synctest.Wait()
		fmt.Fprint(w, "b\n")
		w.Close(t.Context())
		if got := d.String(); got != "a\nb\n" {
			t.Errorf("the destination got %q, want both lines", got)
		}
	})
}
